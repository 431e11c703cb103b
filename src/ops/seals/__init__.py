"""Seals: signed checkpoints of the log, and proofs of single records against them."""
