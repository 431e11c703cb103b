"""The operator's side: one command line."""
