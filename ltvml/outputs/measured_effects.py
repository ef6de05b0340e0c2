"""What campaigns taught, kept beside the plans: the effects of every measured campaign, and all of them together.

Campaigns of one name hold the same customers out, and their windows may overlap, so that one of them says again in part
what another said. Their shifts are averaged with weights 1 / s^2, and the error is taken as if they said all the same:

    d = sum w d_i / sum w,    s = sum w s_i / sum w,    w = 1 / s_i^2

which is the largest that any correlation leaves. Campaigns of different names are pooled as independent. The values of
extra orders are kept and averaged in the same way.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from ltvml.errors import DataContractError
from ltvml.outreach.experiment.effect_by_chance import EffectByChance, differs_with_chance, learn_by_chance
from ltvml.outreach.experiment.effects import Effect, Effects, learn, pooled
from ltvml.outreach.experiment.holdout import TREAT
from ltvml.outreach.experiment.order_values import factors, learn_order_values
from ltvml.run_directory import alone_in, as_json, changed_files, manifest_of, replace_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

EFFECTS_FILE = "effects.json"
MEASURED = "measure"
"""Kind of the results of a measurement, and their folder inside that of the plan."""
FORMAT_VERSION = 1
NOTHING = Effects(())


@dataclass(frozen=True)
class MeasuredCampaign:
    """Effects that one plan showed.

    Parameters
    ----------
    cutoff : str
        Of the plan.
    campaign : str
        Its name, the salt of the holdout.
    until : str
        Last day of the orders that it was measured on.
    effects : Effects
    by_chance : mapping of action to EffectByChance
        Where the effect differs with the chance to buy anyway.
    order_values : Effects
        By how much an extra order was worth more than assumed, relative (`experiment.order_values`).
    """

    cutoff: str
    campaign: str
    until: str
    effects: Effects
    by_chance: Mapping[str, EffectByChance] = field(default_factory=dict)
    order_values: Effects = NOTHING

    def to_dict(self) -> dict[str, Any]:
        """As plain values that `json` writes exactly."""
        curves = {action: curve.to_dict() for action, curve in sorted(self.by_chance.items())}
        return {
            "cutoff": self.cutoff,
            "campaign": self.campaign,
            "until": self.until,
            "effects": self.effects.to_dict(),
            "by_chance": curves,
            "order_values": self.order_values.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        curves = {action: EffectByChance.from_dict(curve) for action, curve in values["by_chance"].items()}
        cutoff, campaign, until = (str(values[name]) for name in ("cutoff", "campaign", "until"))
        # campaigns that were measured before orders were valued have none
        worth = Effects.from_dict(values["order_values"]) if "order_values" in values else NOTHING
        return cls(cutoff, campaign, until, Effects.from_dict(values["effects"]), curves, worth)


@dataclass(frozen=True)
class Taught:
    """What all campaigns taught together.

    Parameters
    ----------
    effects : Effects
        Shifts on the logit.
    order_values : Effects
        As in `MeasuredCampaign`.
    """

    effects: Effects
    order_values: Effects


def learn_campaign(
    rows: pd.DataFrame, *, cutoff: str, campaign: str, until: str, margin: float = 1.0
) -> MeasuredCampaign:
    """Effects of the actions of a plan.

    Parameters
    ----------
    rows : frame
        The rows compared, as `trial.trial` gives them.
    cutoff, campaign, until : str
        As in `MeasuredCampaign`.
    margin : float
        Share of net revenue that is earned.
    """
    effects = learn(rows)
    curves = {}
    if "p_buy" in rows:
        found = {effect.action: _curve(rows[rows["action"].eq(effect.action)]) for effect in effects.effects}
        curves = {action: curve for action, curve in found.items() if curve is not None}
    worth = learn_order_values(rows, margin=margin)
    return MeasuredCampaign(cutoff, campaign, until, effects, curves, worth)


def _curve(rows: pd.DataFrame) -> EffectByChance | None:
    """The effect along the chance to buy, where it differs with it."""
    chance = rows["p_buy"].to_numpy(dtype="float64")
    treated, bought = rows["group"].eq(TREAT).to_numpy(), rows["bought"].to_numpy(dtype=bool)
    if not differs_with_chance(chance, treated=treated, bought=bought):
        return None
    return learn_by_chance(chance, treated=treated, bought=bought)


def together(campaigns: Iterable[MeasuredCampaign]) -> Taught:
    """Effects and values of all campaigns as one, shrunk anew.

    Parameters
    ----------
    campaigns : iterable of MeasuredCampaign
    """
    every = list(campaigns)
    return Taught(
        _together([(one.campaign, one.effects) for one in every]),
        _together([(one.campaign, one.order_values) for one in every]),
    )


def _together(campaigns: Sequence[tuple[str, Effects]]) -> Effects:
    names = sorted({name for name, _ in campaigns})
    found = pooled(_of_one_holdout([one for its, one in campaigns if its == name]) for name in names)
    seen = {effect.action for effect in found.effects}
    unmeasured = {action for _, one in campaigns for action in one.unmeasured} - seen
    return Effects(found.effects, found.spread, tuple(sorted({*found.unmeasured, *unmeasured})))


def _of_one_holdout(campaigns: list[Effects]) -> Effects:
    every = [effect for one in campaigns for effect in one.effects]
    actions = sorted({effect.action for effect in every})
    return Effects(tuple(_averaged([effect for effect in every if effect.action == action]) for action in actions))


def _averaged(effects: list[Effect]) -> Effect:
    weights = [effect.raw_standard_error**-2 for effect in effects]
    shift, error = (
        math.fsum(w * getattr(effect, name) for w, effect in zip(weights, effects, strict=True)) / math.fsum(weights)
        for name in ("raw_shift", "raw_standard_error")
    )
    # the same customers may stand in all of them: the largest arms, not their sum
    arms = (max(getattr(effect, arm) for effect in effects) for arm in ("treat", "holdout"))
    return Effect(effects[0].action, shift, error, shift, error, *arms)


def read_campaigns(folder: Path) -> tuple[MeasuredCampaign, ...]:
    """Campaigns that were measured, by cutoff and name; none where nothing was.

    Parameters
    ----------
    folder : Path
        Where plans are kept.

    Raises
    ------
    DataContractError
        If the file is damaged or of a newer format.
    """
    path = folder / EFFECTS_FILE
    if not path.exists():
        return ()
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        version = int(values["format_version"])
        found = [MeasuredCampaign.from_dict(one) for one in values["campaigns"]] if version <= FORMAT_VERSION else []
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataContractError(
            f"{path} cannot be read: {error!r}.", hint="remove it, and measure the plans again."
        ) from error
    if version > FORMAT_VERSION:
        raise DataContractError(
            f"{path} is in format {version}; expected {FORMAT_VERSION} or older.",
            hint="upgrade ltvml to the version that wrote it, or remove it and measure again.",
        )
    return tuple(found)


def read_effects(folder: Path, *, known_on: dt.date | None = None) -> dict[str, float | EffectByChance]:
    """Measured effects for the next plan, by action: one shift on the logit, or one along the chance to buy.

    Where several campaigns showed a curve of an action, the one that measured it best is taken.

    Parameters
    ----------
    folder : Path
        Where plans are kept.
    known_on : date, optional
        Cutoff of the plan: what was measured on later orders is not known yet. All campaigns by default.

    Raises
    ------
    DataContractError
        As in `read_campaigns`.
    """
    campaigns = _known_on(folder, known_on)
    measured: dict[str, float | EffectByChance] = {
        effect.action: effect.shift for effect in together(campaigns).effects.effects
    }
    best: dict[str, float] = {}
    for one in campaigns:
        errors = {effect.action: effect.raw_standard_error for effect in one.effects.effects}
        for action, curve in one.by_chance.items():
            if errors[action] < best.get(action, math.inf):
                best[action], measured[action] = errors[action], curve
    return measured


def read_order_values(folder: Path, *, known_on: dt.date | None = None) -> dict[str, float]:
    """By action the measured value of an extra order for the next plan, as a factor on its assumed margin.

    Parameters
    ----------
    folder, known_on
        As in `read_effects`.

    Raises
    ------
    DataContractError
        As in `read_campaigns`.
    """
    return factors(together(_known_on(folder, known_on)).order_values)


def _known_on(folder: Path, known_on: dt.date | None) -> list[MeasuredCampaign]:
    last = dt.date.max if known_on is None else known_on
    return [one for one in read_campaigns(folder) if one.until <= last.isoformat()]


def remember(folder: Path, campaign: MeasuredCampaign) -> Taught:
    """Keep what a campaign taught, in place of what the same plan taught before, and give all of them together.

    Parameters
    ----------
    folder : Path
        Where plans are kept.
    campaign : MeasuredCampaign
    """
    with alone_in(folder):
        every = with_campaign(read_campaigns(folder), campaign)
        found = together(every)
        replace_text(
            folder / EFFECTS_FILE,
            as_json(
                {
                    "format_version": FORMAT_VERSION,
                    "campaigns": [one.to_dict() for one in every],
                    "together": found.effects.to_dict(),
                    "order_values_together": found.order_values.to_dict(),
                }
            ),
        )
    return found


def catch_up_effects(folder: Path) -> int:
    """Keep the effects of measurements that are not kept yet: their run ended between their folder and this file.

    Parameters
    ----------
    folder : Path
        Where plans are kept, each with its measurement in its folder.

    Returns
    -------
    int
        Measurements whose effects are kept now.

    Raises
    ------
    DataContractError
        If the effects of such a measurement were changed, or cannot be read.
    """
    known = {(one.cutoff, one.campaign): one.until for one in read_campaigns(folder)}
    found = [_of_folder(path.parent) for path in sorted(folder.glob(f"[0-9]*/{MEASURED}/{EFFECTS_FILE}"))]
    new = [one for one in found if one is not None and known.get((one.cutoff, one.campaign), "") < one.until]
    for one in new:
        remember(folder, one)
    return len(new)


def _of_folder(folder: Path) -> MeasuredCampaign | None:
    """What a measurement left in its folder; None where it is no whole one."""
    manifest = manifest_of(folder)
    if manifest.get("kind") != MEASURED:
        return None
    path = folder / EFFECTS_FILE
    if changed_files(folder, manifest, [EFFECTS_FILE]):
        raise DataContractError(
            f"{path} was changed after it was written; expected the original effects.",
            hint="restore the folder, or remove it and measure the plan again.",
        )
    try:
        return MeasuredCampaign.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataContractError(
            f"{path} cannot be read: {error!r}.", hint="remove its folder, and measure the plan again."
        ) from error


def with_campaign(known: Iterable[MeasuredCampaign], campaign: MeasuredCampaign) -> list[MeasuredCampaign]:
    """The known campaigns and this one, once, by cutoff and name."""
    by_name = {(one.cutoff, one.campaign): one for one in (*known, campaign)}
    return [by_name[key] for key in sorted(by_name)]
