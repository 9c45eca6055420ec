"""Messages: composing what is sent, and reading whatever comes."""
