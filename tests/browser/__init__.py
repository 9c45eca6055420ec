"""A real Home Assistant as a process, and a real browser in front of it."""
