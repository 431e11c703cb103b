"""Policy backtest: what proposed levels would have done to stock, had the real demand come."""
