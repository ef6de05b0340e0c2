"""What a measurement finds, in sentences, and its report."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "measure.impossible": (
        "The effect cannot be measured: {contacts} customers planned for contact, {held_out} held "
        "out. Set {setting} for the next campaign, for example to 0.1."
    ),
    "measure.no_effect": "No statistically significant effect of this campaign, neither on conversion nor on value.",
    "measure.conversion": (
        "Conversion: {treat} of customers planned for contact, {holdout} of those held out; difference {found}"
    ),
    "measure.value": (
        "Value per customer: {treat} for customers planned for contact, {holdout} for those held out; "
        "difference {found}"
    ),
    "measure.points": "{points} points",
    "measure.interval": "{difference} ({level} interval {lo} to {hi}), {verdict}.",
    "measure.no_interval": "{difference}, too few customers or purchases for an interval.",
    "measure.significant": "statistically significant",
    "measure.loss": "a statistically significant loss",
    "measure.not_significant": "not statistically significant",
    "measure.rough": (
        "The interval of value is rough: only {buyers} customers of one arm bought, expected {expected} or more."
    ),
    "measure.missed": (
        "Smallest detectable effects ({power} power): {points} points in conversion, {value} in value. "
        "Smaller effects may have been missed."
    ),
    "measure.arms": "Intention-to-treat comparison: {contacts} customers planned for contact, {held_out} held out.",
    "measure.mismatch": (
        "Sample ratio mismatch: {found} of the compared customers are held out, expected {expected}. "
        "The arms may not be comparable: check whether contact caps excluded customers of one arm "
        "only."
    ),
    "measure.made": "{made} of {planned} planned contacts were made ({share}).",
    "measure.contaminated": (
        "{contacted} of {held_out} held-out customers were contacted, which makes the measured effect too small."
    ),
    "claim": "Claim: {orders} extra orders worth {value} in margin, from {contacts}.",
    "claim.planned": "{contacts} planned contacts",
    "claim.sent": "{contacts} contacts sent",
    "claim.measured": "Measured: {orders} extra orders worth {value} in margin.",
    "claim.interval": "{value} ({level} interval {lo} to {hi})",
    "claim.is": "The claim is {place}",
    "claim.times": "The claim is {ratio} times the measured value and {place}",
    "claim.inside": "inside the {level} interval.",
    "claim.above": "above the {level} interval: the plan promised too much.",
    "claim.below": "below the {level} interval: the plan promised too little.",
    "claim.unknown": "Too few customers or purchases to compare the claim with it.",
    "claim.later": (
        "The plan claimed a further {value} for the time after the window ({setting}), which this "
        "comparison cannot show."
    ),
    "effect": "{action}: odds of buying {change} ({level} interval {lo} to {hi}, after shrinkage).",
    "effect.unmeasured": (
        "{actions}: too few customers or purchases to measure the effect; the assumed effect is used."
    ),
    "effect.order_value": (
        "{action}: an extra order is worth {share} of the assumed margin ({level} interval {lo} to "
        "{hi}, after shrinkage)."
    ),
    "uplift": (
        "The top {top} by uplift account for {uplift} of the effect (standard error {error}), the "
        "top {top} by response for {response}: {verdict}"
    ),
    "uplift.helps": "ranking by uplift is worth testing.",
    "uplift.useless": "ranking by uplift does not help.",
    "note.measure.strangers": "No customer of the plan ordered, and others did: are the ids those of the plan?",
    "note.measure.unadjusted": "Not adjusted for {columns}: not known for every customer before the launch.",
    "note.measure.no_action": "{contacts} contacts name no action: they count as that of the plan.",
    "note.measure.campaign": "No contact in the windows is of the campaign {campaign}; the log names {named}.",
    "note.measure.no_claim": (
        "The plan does not say what it claims (it was made by an earlier version): nothing to compare."
    ),
    "note.measure.none_sent": (
        "The contacts log has no contact of this plan: its claim is that of all planned contacts."
    ),
    "note.measure.open": (
        "{action} is not measured: its window ends on {ends}, and the orders are complete up to {last}."
    ),
    "note.measure.quiet": "No orders in the last {days} days up to {end}: check that the orders are complete.",
    "measure.label.orders": "orders",
    "measure.label.note": "note",
    "measure.label.effect": "effect",
    "measure.label.measured": "measured",
    "measure.plan": "{campaign}, of {cutoff}",
    "measure.until": "complete up to {until}",
    "measure.contact": "contact",
    "measure.held_out": "held out",
    "measure.bought": "bought",
    "measure.change": "points",
    "measure.ends": "{level} interval",
    "measure.range": "{lo} to {hi}",
    "measure.margin": "margin of extra orders",
    "measure.contacts": "contacts",
    "measure.claimed": "claimed",
    "measure.came": "measured",
    "measure.claim": "claim is",
    "measure.all": "all",
    "verdict.inside": "inside",
    "verdict.above": "above",
    "verdict.below": "below",
}
