"""Imports: a full export as the log of an empty place."""
