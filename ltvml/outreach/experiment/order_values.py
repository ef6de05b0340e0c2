"""What an extra order is worth, learned from the arms of a campaign like the effect: a factor on the assumed margin.

A plan credits a contact with v_i, the expected margin of one order of customer i. With b_i whether the customer ordered
within the window and m_i the margin of all that was bought in it, the arms of action a differ by

    D_a = mean_t m - mean_c m,    Q_a = mean_t (v b) - mean_c (v b),    D_a = (1 + e_a) Q_a

so 1 + e_a is the margin that came for each unit of assumed margin of the extra orders: below 1 where a coupon brings
small orders, or costs on those that would have come anyway. It is measured by

    e_a = (D_a - Q_a) / Q_a,    s_a^2 = (var_t(m - v b) / n_t + var_c(m - v b) / n_c) / Q_a^2

with the error taken at e = 0, which is the larger one where e is not. Few extra orders make s_a large, and such actions
keep the assumed margin. The e_a are shrunk towards none by the spread that actions show together, as effects are
(`effects`), and pooled over campaigns in the same way.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ltvml.outreach.experiment.effects import LEVEL, Effects, Shift, shrunk
from ltvml.outreach.experiment.holdout import HOLDOUT, TREAT
from ltvml.words.sentence import Name, Sentence, Share

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from ltvml.arrays import Array

FEWEST = 2


def learn_order_values(rows: pd.DataFrame, *, margin: float) -> Effects:
    """Relative excess e of the value of an extra order over the assumed margin, of each action.

    Parameters
    ----------
    rows : (n, ...) frame
        What `trial.trial` gives, with order_margin (v); without that column nothing is learned.
    margin : float
        Share of net revenue that is earned.

    Returns
    -------
    Effects
        `shift` is e, shrunk.

    Examples
    --------
    >>> import pandas as pd
    >>> n = np.arange(4000)
    >>> rows = pd.DataFrame({"action": "win_back", "group": np.where(n < 2000, "treat", "holdout")})
    >>> rows = rows.assign(order_margin=10.0)
    >>> rows["bought"] = n % 2000 < np.where(n < 2000, 1200, 600)
    >>> found = learn_order_values(rows.assign(spend=8.0 * rows["bought"]), margin=1.0)
    >>> round(factors(found)["win_back"], 2)
    0.8
    """
    if "order_margin" not in rows:
        return Effects(())
    assumed = (rows["order_margin"] * rows["bought"]).to_numpy(dtype=float)
    excess = margin * rows["spend"].to_numpy(dtype=float) - assumed
    action = rows["action"].to_numpy()
    treated, held_out = (rows["group"].eq(arm).to_numpy() for arm in (TREAT, HOLDOUT))
    return shrunk(
        {
            name: _excess(
                *((assumed[arm], excess[arm]) for arm in (treated & (action == name), held_out & (action == name)))
            )
            for name in sorted(set(action))
        }
    )


def factors(order_values: Effects) -> dict[str, float]:
    """By action the factor 1 + e on the assumed margin of an order; never below 0."""
    return {effect.action: max(1 + effect.shift, 0.0) for effect in order_values.effects}


def words_of(order_values: Effects) -> Iterator[str]:
    """One sentence for each action whose orders were valued."""
    for effect in order_values.effects:
        half = 1.96 * effect.standard_error
        found, lo, hi = (Share(max(1 + effect.shift + step, 0.0)) for step in (0.0, -half, half))
        name = Name("action", effect.action)
        yield Sentence.of("effect.order_value", action=name, share=found, level=Share(LEVEL), lo=lo, hi=hi)


def _excess(treat: tuple[Array, Array], holdout: tuple[Array, Array]) -> Shift:
    counts = len(treat[0]), len(holdout[0])
    if min(counts) < FEWEST:
        return Shift(0.0, math.inf, *counts)
    came = float(treat[0].mean() - holdout[0].mean())
    more = float(treat[1].mean() - holdout[1].mean())
    error = math.sqrt(sum(float(np.var(excess, ddof=1)) / len(excess) for _, excess in (treat, holdout)))
    if came == 0:
        return Shift(0.0, math.inf, *counts)
    return Shift(more / came, error / abs(came), *counts)
