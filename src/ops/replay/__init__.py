"""`stockledger replay`: what the stock was, and what was known of it, from the log alone."""
