"""Stock as it was: balances at any moment of either clock, exact, and quick by checkpoints."""
