"""An audit of everything stored: the log against itself, and all else against the log."""
