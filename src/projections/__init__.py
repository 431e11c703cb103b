"""The read side: what is shown."""
