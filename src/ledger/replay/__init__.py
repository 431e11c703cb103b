"""Reading history again: records in order, the chain checked, facts, and what they add up to."""
