"""One row a customer with all that is known: scores, chances to buy, breadth, stage, response by channel."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from ltvml.contracts import purchase_probabilities
from ltvml.features.gaps import observed_gap_quantile
from ltvml.features.plan.breadth import breadth
from ltvml.features.plan.ladder import climbs
from ltvml.outputs.stage_rules import kept_stage_rules
from ltvml.outreach.beside import beside, coded, places_of, rows_at
from ltvml.outreach.customers.channels import relative_responses
from ltvml.outreach.customers.ladder import Ladder, ladder
from ltvml.outreach.customers.stages import learned_rules
from ltvml.outreach.priority import gain_of_contact
from ltvml.words.sentence import Sentence
from ltvml.workflows.plan_tables.attributes import with_attributes
from ltvml.workflows.score import rows_to_score

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config
    from ltvml.config.outreach import OutreachSettings
    from ltvml.inputs.orders import Intake
    from ltvml.outputs.scores import Scores
    from ltvml.outreach.settings import StageRules
    from ltvml.workflows.plan_tables.items import Items

    Missing = tuple[str, ...]

USUAL, LONG = 0.5, 0.9


def chances_of(scores: Scores, bundle: Bundle, intake: Intake, wanted: Sequence[int]) -> tuple[pd.DataFrame, Missing]:
    """`p_buy_<w>` and `value_gain_<w>` of each customer, for the windows of the actions: of the scores, or computed."""
    names, kept = purchase_probabilities(wanted).names, scores.probabilities
    if kept is not None and set(names) <= set(kept):
        return kept[list(names)], ()
    lacking = [days for days in wanted if kept is None or f"p_buy_{days}" not in kept]
    note = Sentence.of("note.chances", days=tuple(map(str, lacking)), command="ltvml score")
    return computed_chances(bundle, intake, wanted), (note,)


def computed_chances(bundle: Bundle, intake: Intake, wanted: Sequence[int]) -> pd.DataFrame:
    """The same columns, of customers that are scored again."""
    schema = purchase_probabilities(wanted)
    parts: list[pa.Table] = []
    rows = rows_to_score(intake, bundle, decimals=bundle.money.decimals)
    intake.engine.map_batches(rows, functools.partial(bundle.chances, windows=wanted), schema, parts.append)
    frame: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    return frame


def credited(chances: pd.DataFrame, scores: pd.DataFrame, *, margin: float, share: float) -> pd.DataFrame:
    """The probabilities with `value_gain_<w>` as a contact is credited with it: one order, and a share of the rest.

    The margin of the order alone is `order_margin`.

    Parameters
    ----------
    chances : (n, ...) frame
        customer_id and, for each window, `value_gain_<w>`: the lifetime difference between buyers and others.
    scores : (n, ...) frame
        contracts.CUSTOMER_SCORES; where the value of an order is withheld, the mean of those made stands for it.
    margin : float
        Share of net revenue that is earned.
    share : float
        Of what the lifetime difference adds to one order.
    """
    known = rows_at(scores, places_of(chances, scores, ["customer_id"]))
    past = known["historic_value"] / known["n_orders"]
    order = margin * known["expected_order_value"].fillna(past).clip(lower=0.0).to_numpy(dtype=float)
    gains = {
        name: gain_of_contact(order, chances[name].to_numpy(dtype=float), share=share)
        for name in map(str, chances)
        if name.startswith("value_gain_")
    }
    return chances.assign(**gains, order_margin=order)


def customers_of(
    scores: pd.DataFrame, chances: pd.DataFrame, items: Items, attributes: pd.DataFrame | None, intake: Intake
) -> pd.DataFrame:
    """One row a customer with all that is known of them but the stage, in the order of the scores."""
    known = [scores, beside(scores, chances)]
    if items.days is not None:
        known.append(beside(scores, intake.engine.collect(breadth(items.days, intake.window).sort("customer_id"))))
        known.append(beside(scores, indicated(items.companions)))
    return with_attributes(coded(pd.concat(known, axis=1)), attributes)


def with_responses(
    customers: pd.DataFrame, contacts: pd.DataFrame | None, settings: OutreachSettings, *, cutoff_day: int
) -> pd.DataFrame:
    """The customers with their relative response to each channel."""
    found = relative_responses(
        customers,
        tuple(settings.channels),
        cutoff_day=cutoff_day,
        contacts=contacts,
        prior=settings.tags.prior_contacts,
    )
    return pd.concat([customers, found], axis=1)


def indicated(offered: pd.DataFrame) -> pd.DataFrame:
    """Companions that the data speak for: lift above 1 with its whole interval."""
    sure = offered["indicated"].astype(bool) if len(offered) else pd.Series(dtype=bool)
    return offered.loc[sure, ["customer_id", "companion"]] if len(offered) else offered[["customer_id", "companion"]]


def stage_rules_of(
    config: Config, bundle: Bundle, intake: Intake, churn_risk: pd.Series, folder: Path
) -> tuple[StageRules, str | None]:
    """The rules of the configuration, or those learned with this bundle: kept, so that only customers move.

    Returns
    -------
    rules : StageRules
    learned_on : str or None
        Cutoff, where this run learned them for the next ones to keep.
    """
    given = config.outreach.stages.rules()
    if given is not None:
        return given, None
    kept, cutoff = kept_stage_rules(folder, bundle.version), config.cutoff.isoformat()
    if kept is not None and kept[1] <= cutoff:
        return kept[0], None
    gaps = [observed_gap_quantile(intake.engine, intake.days, level) for level in (USUAL, LONG)]
    learned = learned_rules(churn_risk, usual_gap=gaps[0], long_gap=gaps[1])
    # rules that a later run learned have seen what is not known yet, and stay for the runs after it
    return learned, cutoff if kept is None else None


def ladder_of(config: Config, intake: Intake) -> Ladder:
    """How likely the next purchase is after the first, the second, the third."""
    rules = config.outreach.ladder
    counted = intake.engine.collect(climbs(intake.days, intake.window, within=rules.within))
    return ladder(counted, rules=rules, random_state=config.random_state)
