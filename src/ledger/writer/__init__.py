"""One partition's writer: queue, decide, append, evolve, undo; and how it recovers."""
