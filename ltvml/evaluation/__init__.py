"""How good the models are: metrics, and later the backtests that choose between models."""
