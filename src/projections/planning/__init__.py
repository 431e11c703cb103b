"""Planning: numbers for replenishment, from what became of each SKU on each day."""
