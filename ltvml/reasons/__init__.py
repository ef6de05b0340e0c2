"""Why a customer has the score they have: exact shares of a model's log-odds, grouped into ideas, put into words."""
