"""Files of other systems, made into movements and sent to a running ledger."""
