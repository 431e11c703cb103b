"""Following the log itself: what `stockledger tail` shows."""
