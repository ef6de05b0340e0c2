"""What a plan finds: sentences."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "ladder": "Bought again within {days} days: {steps}. {turn}",
    "ladder.none": "No ladder: too few customers were observed for {days} days after a purchase.",
    "ladder.step": "{share} after order {n}",
    "ladder.turn": (
        "From order {n} the next step adds less than {points} points (bootstrap: {spread} of draws). This "
        "describes who climbed; it does not show that an order causes the next one."
    ),
    "ladder.no_turn": (
        "Every step adds at least {points} points: no turning point yet. This describes who climbed; it does "
        "not show that an order causes the next one."
    ),
    "ladder.drawn": "order {n} in {share}",
    "ladder.drawn.none": "none in {share}",
    "launch.not_measurable": (
        "The effect cannot be measured: {contacts} customers to contact, {held_out} held out. Set {setting}, "
        "for example to 0.1."
    ),
    "launch.arms": "{contacts} customers to contact, {held_out} held out.",
    "launch.no_rise": (
        "No rise in conversion is detectable from {rate} with so few customers: hold out more customers, or "
        "run the campaign longer."
    ),
    "launch.rise": "Smallest detectable rise in conversion ({power} power): {points} points, from {rate} to {raised}.",
    "launch.value": "Smallest detectable difference in value per customer ({power} power): {value}.",
    "launch.effect": "Power to detect the assumed effect of {points} points: {power}.",
    "launch.more": "A larger {setting} would raise the power.",
    "note.skipped.column": (
        "{action} is skipped: it needs the column {column} of the table customers, which is missing."
    ),
    "note.skipped.pairs": "{action} is skipped: it needs the table of reorder pairs, which is missing.",
    "note.follow_up.items": (
        "No items are known: follow-up asks about the first order only, and there are no replenishment reminders."
    ),
    "note.follow_up.attributes": (
        "No table of customers' attributes is given: there are no transition reminders or care messages."
    ),
    "note.follow_up.points": "No table of customers' attributes is given: the column {column} is not read.",
    "note.no_items": (
        "The orders name no items: there are no companions, and follow-up asks about the order as a whole."
    ),
    "note.no_companions": "There are no companions: {why}",
    "note.succession": "{newer} replaces {older} ({stopped} of {known} buyers stopped it)",
    "note.successions": (
        "{pairs} items replace another and are not offered as its companions: {shown}. To offer one once the older has "
        "stopped, write it under {chain}; by age, under {by_date}."
    ),
    "note.no_reminders": "Replenishment is withheld ({why}): there are no reorder reminders.",
    "note.chances": (
        "The scores lack the probability of a purchase within {days} days: this plan computed it. Run "
        "`{command}` with the same configuration to save the time."
    ),
    "note.renamed": "The table of customers has columns with names of the scores; rules read them as {columns}.",
    "note.not_sent": "{rows} planned contacts are not in the contacts log and are free again.",
    "note.export": (
        "Export {export}: {rows} contacts have no identity that the tool knows and are left out ({setting})."
    ),
    "note.closed": "Open cases: {closed} of {rows} rows are closed by the column {columns}.",
    "note.granted": "Opt-outs: {granted} of {rows} rows do not refuse by the column {columns}.",
    "note.refused": "Opt-outs: {customers} customers refuse by the column {column} of the table of customers.",
    "note.alike": "{table}: {rows} rows name a customer whose id differs only in letter case, blanks or leading zeros.",
    "note.contacts.excluded": "Contacts: {excluded} of {rows} rows excluded: {why}.",
    "note.contacts.no_id": "{column} is missing",
    "note.contacts.no_date": "{column} is missing or unreadable",
    "note.contacts.stranger": "the customer is not in the orders",
    "note.contacts.late": "{column} is after {day}",
    "note.contacts.never_sent": "the status says that nothing was sent",
    "note.contacts.channels": (
        "Contacts: {found} of {rows} rows have a channel {setting} does not list ({listed}): the caps over "
        "all channels count them, those of single channels do not."
    ),
    "note.stock_up": (
        "{file}: of {items} items {pack} times the usual quantity lasts {least} to {most} times as "
        "long. It is meant for an elasticity near 1, which is rare: of other items a larger pack sells "
        "today what would have been sold tomorrow."
    ),
    "note.preferred": (
        "{customers} customers prefer a channel that is not one of {setting} (first: '{first}'): that "
        "preference is not used."
    ),
    "note.not_reminded": (
        "{items} items that run out get no reminder: {rules} excludes them, or another item of {dated} "
        "fits the customer on that day."
    ),
    "note.never_bought": "{setting} names items that no order has, and has no effect for them: {items}.",
    "note.advocates": (
        "Advocates are found by orders, items and tenure: the table of customers has no column {column}."
    ),
    "note.nightly": (
        "This plan is for {days} days, and orders placed in them are not known yet: their follow-up "
        "begins on day {day} after the order, so run {score} and {outreach} every night."
    ),
}
