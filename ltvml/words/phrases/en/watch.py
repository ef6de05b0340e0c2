"""What a watch finds: sentences and its report."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "watch.fine": "Buyers, accuracy and data are as the fit and its past cutoffs led to expect.",
    "watch.too_early": "No scores of this bundle are old enough to be judged yet, and the data have not drifted.",
    "watch.level_down": "Since {since} {change} fewer customers have bought than expected, more than chance and the "
    "usual error of the level explain. Look for a change of the shop, the orders or the market; fit again if it lasts.",
    "watch.level_up": "Since {since} {change} more customers have bought than expected, more than chance and the "
    "usual error of the level explain. Look for a change of the shop, the orders or the market; fit again if it lasts.",
    "watch.loss": "The scores of {cutoff} were less accurate than promised: their log-loss is {actual} above what "
    "their probabilities imply; past cutoffs had {promised}. Fit again.",
    "watch.gini": "The scores of {cutoff} ranked what customers spent less well than promised: Gini {actual}; past "
    "cutoffs had {promised}. Fit again.",
    "watch.dates": "Of those who came back after the scores of {cutoff}, {actual} did so inside their date window; "
    "promised were {promised}. Fit again.",
    "watch.values": "What customers spent after {cutoff} lay inside their value interval for {actual} of them; "
    "promised were {promised}. Fit again.",
    "watch.drift_psi": "{measure} has another distribution: median {before} before, {now} now; stability index {size}, "
    "of which chance gives {by_chance}.",
    "watch.drift_ratio": "{measure}: {before} before, {now} now, a ratio of {size}; chance alone stays within a "
    "factor of {by_chance}.",
    "watch.left_out": "scores/{folder} was left out: {why}",
    "watch.later": "{cutoffs} cutoffs were scored after {day}, the cutoff of this watch: they were left out",
    "watch.other_bundles": "{cutoffs} cutoffs were scored by other bundles: they are judged in the table, and the "
    "state is that of bundle {version} alone",
    "watch.no_own_scores": "no scores are of bundle {version} yet",
    "watch.first_judged": "the scores of {cutoff} are the first of this bundle; their horizon ends on {day}",
    "watch.no_promise": "the bundle holds no backtest, so the usual error of the level is not known: {spread} is "
    "assumed",
    "watch.no_season": "the season of the year before the fit is not known: the orders are too few or do not go back a "
    "year and four weeks before it. Changes are seen later",
    "watch.power": "a change of buyers by 20 % is expected to be seen within about {days} days",
    "watch.no_power": "a change of buyers by 20 % cannot be told from the usual error of the level ({spread})",
    "watch.first_look": "the data are compared with those of the fit every 28 days, first on {day}",
    "watch.label.state": "state",
    "watch.label.why": "why",
    "watch.label.tables": "watch",
    "watch.state_fine": "fine",
    "watch.state_look": "look: something has changed",
    "watch.state_retrain": "retrain: fit again",
    "watch.measure.n_new_customers": "new customers",
    "watch.measure.order_value": "order value",
    "watch.measure.share_second_order": "share with a second order",
    "watch.measure.gap_to_second": "days to second order",
    "watch.measure.season": "season",
    "watch.measure.share_missing_product_id": "customers lacking product_id",
    "watch.measure.share_missing_category": "customers lacking category",
    "watch.measure.share_missing_quantity": "customers lacking quantity",
    "watch.measure.share_missing_channel": "customers lacking channel",
    "watch.measure.share_missing_country": "customers lacking country",
    "watch.verdict.fine": "fine",
    "watch.verdict.notable": "notable",
    "watch.verdict.large": "large",
    "watch.verdict.too few": "too few",
    "watch.head_cutoff": "scores of",
    "watch.head_days": "days",
    "watch.head_buyers": "buyers",
    "watch.head_expected": "expected",
    "watch.head_level": "level",
    "watch.head_loss": "log-loss",
    "watch.head_promised": "promised",
    "watch.head_dates": "in dates",
    "watch.head_measure": "data",
    "watch.head_before": "before",
    "watch.head_now": "now",
    "watch.head_size": "change",
    "watch.head_chance": "by chance",
    "watch.head_verdict": "verdict",
}
