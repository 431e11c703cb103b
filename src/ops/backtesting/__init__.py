"""What `stockledger plan-backtest` reads, tries and shows."""
