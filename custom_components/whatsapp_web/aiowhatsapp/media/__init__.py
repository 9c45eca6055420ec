"""Media files: their kinds, keys and encryption, and the addresses they lie at."""
