"""How a model is chosen: history, candidates and the backtest at past cutoffs."""
