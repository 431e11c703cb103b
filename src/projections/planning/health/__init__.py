"""Stock health: how fast stock turns, how old it is, how much is too much, what is lost."""
