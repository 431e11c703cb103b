"""Forecasts: what will be asked for, with intervals, by the model that a backtest prefers."""
