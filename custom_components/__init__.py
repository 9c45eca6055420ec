"""Namespace in which Home Assistant and the tests find the integration."""
