"""What to do with each kind of stanza that comes unasked: one file per tag."""
