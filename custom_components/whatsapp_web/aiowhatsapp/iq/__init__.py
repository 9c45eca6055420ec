"""Requests to the server: each builds its node and reads its own answer."""

from .spec import IqSpec

__all__ = ["IqSpec"]
