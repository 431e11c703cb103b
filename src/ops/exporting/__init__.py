"""Exports: a range of the log as files, the same bytes for the same range."""
