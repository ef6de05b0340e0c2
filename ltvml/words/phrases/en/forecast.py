"""The forecast."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "label.all": "all customers",
    "label.today": "customers of today",
    "label.new": "new customers",
    "label.newcomer": "joins today",
    "label.backtest": "backtest",
    "label.forecast": "forecast",
    "forecast.from": "from",
    "forecast.purchases": "purchases",
    "forecast.revenue": "revenue",
    "forecast.interval": "80 %",
    "forecast.today": "today's",
    "forecast.total": "{p0} purchases ({p1} to {p2}), {r0} ({r1} to {r2})",
    "forecast.newcomer": "{purchases} purchases ({purchases_lo} to {purchases_hi}) and {value} ({value_lo} to "
    "{value_hi}) in {days}, on average",
    "forecast.checked": "at {cutoffs} past cutoffs the error of {measure} by period was {error} "
    "(naive forecast: {naive})",
    "forecast.inside": "; the 80 % interval covered {share} of {periods} periods, each cutoff left out in turn",
    "forecast.reach": "the forecast",
    "forecast.silent": "no order in the {days} up to the cutoff, the last on {last}: if the shop is closed, the "
    "forecast is of what would come if it sold again, and its intervals begin at 0",
    "forecast.growing": "orders of the last 91 days are {times} those of the 91 days before: the forecast lets such "
    "growth level off, and may be low",
    "forecast.unchecked": "the orders are too short for a past cutoff: the intervals are a written prior, not checked",
    "forecast.outside": "{what}: forecasts at past cutoffs were {end}, so the total is at the end of its interval",
    "forecast.high": "too high",
    "forecast.low": "too low",
    "forecast.once": "there is only one past cutoff: the intervals rest mostly on a prior, their coverage is unknown",
    "note.far": "{name} is {days}, {times} the {history} of orders: no window that long has been seen, so what is "
    "predicted beyond {history} rests on the fitted curves alone and cannot be checked",
    "label.note": "note",
    "score.horizon": "{name} is {days}; the bundle was fitted for {fitted}, and its models answer for {days}",
    "score.largest": "; {share} of it from one customer",
    "score.items": "{rows} customers x items: {counts}; {due} customers have one due next",
    "score.alerts": "since the scores of {since} the churn risk of {silence} customers rose by {rise} percentage "
    "points or more with their silence, and that of {news} customers by {beyond} or more beyond what waiting explains: "
    "{value} of predicted value in all (column {column})",
    "score.not_compared": "earlier scores are not compared: {why}",
    "score.status": "{count} of the customers: {status}",
    "items.sufficient": "{count} sufficient",
    "items.about_to_replenish": "{count} about to replenish",
    "items.depleted": "{count} depleted",
    "items.lapsed": "{count} lapsed",
    "items.between": ", ",
    "at_risk.title": "Most at risk: value at risk times churn risk. Whom to contact is planned by `ltvml outreach`.",
    "at_risk.customer": "customer",
    "at_risk.orders": "orders",
    "at_risk.last": "last order",
    "at_risk.churn": "churn",
    "at_risk.next": "next order",
    "at_risk.ltv": "LTV",
    "at_risk.at_risk": "at risk",
    "at_risk.empty": "No customer can be ranked: value at risk or churn risk is not known (see data status).",
}
