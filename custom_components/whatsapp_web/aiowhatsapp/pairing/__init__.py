"""Linking this device to an account: the proofs, payloads and codes it takes."""
