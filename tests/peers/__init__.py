"""Clients nobody here wrote, each driven as a process of its own over JSON lines."""
