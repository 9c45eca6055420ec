"""The client at work: tasks, locks, timeouts, reconnecting, and what happens with each stanza."""
