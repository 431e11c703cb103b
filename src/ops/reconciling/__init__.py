"""A statement of stock of another system, compared with the ledger, and what would set it right."""
