"""Thin, typed functions over `cryptography` and PyNaCl; no protocol knowledge."""
