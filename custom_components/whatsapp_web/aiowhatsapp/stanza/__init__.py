"""Incoming stanzas as typed values, and the answers that go straight back."""
