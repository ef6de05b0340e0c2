"""What `ltvml watch` writes."""

from __future__ import annotations

from ltvml.contracts.table import Column, Table

WATCHED_SCORES = Table(
    "watched scores",
    (
        Column("cutoff", "date", "last day that the scores have seen"),
        Column("model_version", "string", "content hash of the bundle that scored"),
        Column("days", "int64", "days that were judged: the churn horizon, or the longest window that has ended"),
        Column("ended", "bool", "whether the churn horizon has ended"),
        Column("customers", "int64", "customers judged: a hashed sample of at most 100,000"),
        Column("buyers", "int64", "customers with a purchase within these days"),
        Column("expected_buyers", "float64", "sum of the probabilities of a purchase"),
        Column("expected_sd", "float64", "standard deviation of that number among independent customers"),
        Column("level", "float64", "buyers over expected_buyers"),
        Column("log_loss", "float64", "mean log-loss of the probability of a purchase", required=False),
        Column("log_loss_promised", "float64", "mean of it at the cutoffs of the backtest", required=False),
        Column("excess_loss", "float64", "log_loss less what the probabilities themselves imply", required=False),
        Column("excess_loss_promised", "float64", "mean of it at the cutoffs of the backtest", required=False),
        Column("worse", "float64", "excess less promised, in standard deviations", required=False),
        Column("ece", "float64", "expected calibration error, ten bins of equal count", required=False),
        Column("ece_promised", "float64", "mean of it at the cutoffs of the backtest", required=False),
        Column("auc", "float64", "area under the ROC curve", required=False),
        Column("date_coverage", "float64", "share of returning customers inside their date window", required=False),
        Column("date_returns", "float64", "customers who came back within the churn horizon", required=False),
        Column("value", "float64", "discounted value that came in the LTV horizon, times margin", required=False),
        Column("expected_value", "float64", "sum of predicted_ltv", required=False),
        Column("gini", "float64", "normalised Gini of predicted_ltv", required=False),
        Column("gini_promised", "float64", "mean of it at the cutoffs of the backtest", required=False),
        Column("decile_mape", "float64", "mean relative error of the tenths by predicted_ltv", required=False),
        Column("decile_mape_promised", "float64", "mean of it at the cutoffs of the backtest", required=False),
        Column("value_coverage", "float64", "share of customers inside the 80 % interval of value", required=False),
    ),
)

WATCHED_LEVELS = Table(
    "watched levels",
    (
        Column("cutoff", "date", "last day that the scores have seen"),
        Column("until", "date", "last day of the window"),
        Column("days", "int64", "days of the window"),
        Column("actual", "float64", "customers with a purchase in it"),
        Column("expected", "float64", "sum of the probabilities of a purchase, times what was usual in the season"),
        Column("variance", "float64", "variance of that number among independent customers"),
        Column("z", "float64", "difference in standard deviations, the noise of weeks included"),
        Column("up", "float64", "logarithm of the evidence for more buyers than expected (sum of likelihood ratios)"),
        Column("down", "float64", "logarithm of the evidence for fewer buyers than expected"),
        Column("threshold", "float64", "above which the evidence says that the level has changed"),
    ),
)

WATCHED_DRIFT = Table(
    "watched drift",
    (
        Column("measure", "string", "what is compared"),
        Column("before_from", "date", "first day of the period before, inside what the fit has seen"),
        Column("before_to", "date", "last day of it"),
        Column("now_from", "date", "first day of the period now"),
        Column("now_to", "date", "last day of it"),
        Column("before", "float64", "median, count or share before"),
        Column("now", "float64", "median, count or share now"),
        Column("customers_before", "int64", "customers compared, before"),
        Column("customers_now", "int64", "customers compared, now"),
        Column("size", "float64", "population stability index; of n_ and share_ the ratio of now over before"),
        Column("by_chance", "float64", "mean of the index without any drift; of a ratio its upper 95 % bound"),
        Column("p_value", "float64", "chance of as much without any drift"),
        Column("verdict", "string", "fine, notable, large or too few"),
    ),
)
