"""Our client in conversation: with the simulator, and with clients nobody here wrote."""
