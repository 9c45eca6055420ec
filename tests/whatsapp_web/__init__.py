"""The Home Assistant side: a real core, with the client and server faked or real."""
