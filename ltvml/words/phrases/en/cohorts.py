"""Cohorts."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "label.plain": "plain value",
    "label.lifetime": "lifetime",
    "label.change": "repeat revenue",
    "label.levers": "levers ahead",
    "label.experience": "experience",
    "label.cost": "acquisition",
    "label.referrals": "referrals",
    "label.cohorts": "tables",
    "cohorts.week": "week of first order",
    "cohorts.month": "first order",
    "cohorts.quarter": "first order",
    "cohorts.customers": "customers",
    "cohorts.again": "again",
    "cohorts.so_far": "so far",
    "cohorts.to_come": "to come",
    "cohorts.level_counts": "{attribute}: shares and money of a level are those of its cohorts of {fewest} or more "
    "customers ({setting}); {customers} customers of smaller ones are counted alone.",
    "cohorts.caption": "again: share with a second order; +{nth}: share who ordered in the {nth}-th {period} "
    "after that of the first order; so far and to come: margin a customer up to the cutoff, and predicted "
    "value after it.",
    "cohorts.name.week": "week",
    "cohorts.name.month": "month",
    "cohorts.name.quarter": "quarter",
    "cohorts.plain": "{order_value} an order x {orders} orders a year x {years} years = {value} a customer, if all "
    "bought alike and nothing changed",
    "cohorts.lifetime": "{days} from first to last order on average, as far as {longest} of orders show "
    "(Kaplan-Meier); {lapsed} of {customers} customers have left, silent for more than {silence}",
    "cohorts.change": "{after} in the last {days}, {before} in the {days} before; by customers {customers}, retention "
    "{retention}, orders a customer {orders}, order value {order_value}",
    "cohorts.predicted": "of {customers} customers {retention} are predicted to order in the {days} after {cutoff}, "
    "{orders} times each at {order_value} (discounted, times margin) = {value} (model {model}); a percentage point "
    "more of retention brings {more}, one per cent more customers like them, orders or order value {one} each",
    "cohorts.more": "a point more of retention brings {retention}, one per cent more of any other of them {customers}",
    "cohorts.too_short": "the orders are too short to compare two spans",
    "cohorts.cost": "{cohorts} cohorts cost {cost}; with what is predicted they bring {ratio} times that, and {paid} "
    "have paid back so far",
    "cohorts.referred": "{referred} customers were brought by {advocates} others; {unknown} name a referrer who is no "
    "customer, {circles} are in circles and not credited",
    "cohorts.experience": "after {bad} {rate_bad} ordered again in days {first} to {last}, else {rate_good}; at like "
    "first-order values the difference is {difference} ({low} to {high}), of {customers} of {all} customers. The two "
    "may differ in other ways: no cause is shown",
    "cohorts.experience.few": "after {bad}: fewer than {fewest} customers ({setting}) to compare in days {first} "
    "to {last}",
    "cohorts.experience.rating": "a rating of {limit} or less for the first order",
    "cohorts.experience.complaint": "a complaint about the first order",
    "cohorts.experience.late": "a late first delivery",
    "cohorts.experience.returned": "a return of the first order",
    "cohorts.points": "{points} percentage points",
    "cohorts.few": "{cohorts} cohorts with fewer than {fewest} customers ({customers} customers) are listed without "
    "figures ({setting})",
    "cohorts.first": "customers of the first {period}, {first}, may have ordered before the orders begin",
    "cohorts.no_model": "nothing is predicted, because no model was fitted: run {command} first",
    "cohorts.no_costs": "no table of acquisition costs is named ({setting})",
    "cohorts.unknown_costs": "{rows} rows of costs name a {column} the orders do not have (first: {first}): ignored",
    "cohorts.some_costs": "costs are known of {known} of {customers} customers: the others count as cost 0",
}
