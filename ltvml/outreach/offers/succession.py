"""Which item replaces which: told from companions by what happens to the first item once the second was bought.

Buyers of formula stage 1 buy stage 2 later, as buyers of tea buy a pot; but tea is bought again after the pot, and
stage 1 is not after stage 2. Of the customers who took up b on a later day than a, and of whom it can be known
(`features/plan/companions.py`), let again_ab have bought a after their first b, and stopped_ab not, of whom handed_ab
took up b within two of their own gaps of a. With N_a purchase days of a by B_a buyers, and sums over other items b',

    usual_a = (sum again_ab' + 20 (N_a - B_a) / N_a) / (sum (again_ab' + stopped_ab') + 20)
    b replaces a  where  upper bound of P(again | a, b) < usual_a / 4,    lower bound of P(handed | stopped) > 1/2,
                         and fewer than 5 % of those who have both first bought them on one day

Bounds are those of the Beta posterior (Jeffreys). An item that is bought once, such as a pram, is replaced by nothing:
what is not bought again anyway has not been replaced. Nor is what all stop at one time, such as goods of a season,
since usual_a is small then. Pairs of too few customers stay companions.

A link of such a chain is no companion. Who still buys stage 1 is offered no stage 2; and who has stopped may have left
the brand, or the baby has grown past it: orders do not say which link fits. So links that were learned are offered only
where a date of the customer says so (`cadence.dated`), and those that the shop wrote itself (`items.succeeds`) also
where the older item has stopped for the customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from ltvml.words.sentence import Sentence

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ltvml.arrays import Array, Mask
    from ltvml.outreach.offers.companions import Companions

LEFT = 0.25
"""Of the usual share that buys an item again, what may be left for it to be replaced."""
WORTH = 20
"""Customers that the repeat share of an item over all its purchases counts as, beside those seen after another item."""
HANDED = 0.5
"""Share of those who stopped that must have gone straight on to the newer item."""
ONE_BASKET = 0.05
"""Share of the buyers of both who first bought them on one day, from which they go together."""
SILENT_GAPS = 2.0
"""An item has stopped for a customer after so many of the customer's own mean gaps."""
SHOWN = 3
COLUMNS = ("older", "newer", "stopped", "again")


def learn_succession(
    pairs: pd.DataFrame, items: pd.DataFrame, companions: Companions, *, coverage: float = 0.95
) -> pd.DataFrame:
    """Pairs of items of which the newer replaces the older.

    Parameters
    ----------
    pairs, items : frame
        Of `features.companions.pair_counts` and `item_counts`, that `companions` were learned from.
    companions : Companions
    coverage : float
        Of the intervals.

    Returns
    -------
    frame
        By older and newer: `older`, `newer`, `stopped` and `again` (customers). Two items do not replace each other.
    """
    again, stopped, handed = (_table(pairs, companions, name) for name in ("again", "stopped", "handed"))
    sums = items.set_index("item").loc[list(companions.items)]
    repeated = 1 - (sums["buyers"] / sums["days_bought"]).to_numpy(dtype=float)[:, None]
    known = again + stopped
    others = known.sum(axis=1, keepdims=True) - known
    usual = (again.sum(axis=1, keepdims=True) - again + WORTH * repeated) / (others + WORTH)
    at = np.nonzero(stopped > again)
    most = betaincinv(again[at] + 0.5, stopped[at] + 0.5, (1 + coverage) / 2)
    least_handed = betaincinv(handed[at] + 0.5, stopped[at] - handed[at] + 0.5, (1 - coverage) / 2)
    later, same = companions.n_later, companions.n_together
    both = later[at] + later.T[at] + same[at]
    replaces = (most < LEFT * usual[at]) & (least_handed > HANDED)
    replaces &= (same[at] < ONE_BASKET * both) & (later[at] > later.T[at])
    rows, columns = (index[replaces] for index in at)
    found = pd.DataFrame(
        {
            "older": companions.items[rows],
            "newer": companions.items[columns],
            "stopped": stopped[rows, columns].astype("int64"),
            "again": again[rows, columns].astype("int64"),
        },
        columns=list(COLUMNS),
    )
    return found.sort_values(["older", "newer"], ignore_index=True)


def with_given(learned: pd.DataFrame, succeeds: Mapping[str, str]) -> pd.DataFrame:
    """What was learned, and what the shop says itself; of items that it names, only that.

    Returns
    -------
    frame
        `older`, `newer`, `stopped`, `again` and `basis`: learned, or given (without counts).
    """
    named = [*succeeds, *succeeds.values()]
    kept = learned[~learned[["older", "newer"]].isin(named).any(axis=1)].assign(basis="learned")
    given = pd.DataFrame({"older": list(succeeds.values()), "newer": list(succeeds)}, dtype=object)
    found = pd.concat([kept, given.assign(stopped=0, again=0, basis="given")], ignore_index=True)
    return found.astype({"stopped": "int64", "again": "int64"})


def out_of_turn(
    succession: pd.DataFrame,
    owned: pd.DataFrame,
    *,
    cutoff_day: int,
    dated: Collection[str] = (),
    usual_gap: pd.Series | None = None,
) -> pd.DataFrame:
    """Pairs of customer and item of a chain that are not to be offered.

    Parameters
    ----------
    succession : frame
        As `with_given` gives it.
    owned : frame
        `customer_id`, `item`, `last_day`, `mean_gap_days` (null where bought once): all that each customer has bought.
    cutoff_day : int
        Days since 1970-01-01.
    dated : collection of str
        Items whose turn a date decides; they are left out.
    usual_gap : series, optional
        Mean gap of the buyers of each item, by item; of those in `owned`, if not given.

    Returns
    -------
    frame
        `customer_id`, `item`, no row twice.
    """
    everybody, learned = owned["customer_id"].drop_duplicates(), succession["basis"].eq("learned")
    may = {item: set[str]() for item in {*succession.loc[learned, "older"], *succession.loc[learned, "newer"]}}
    done = owned[_stopped(owned, cutoff_day, usual_gap)] if not learned.all() else owned.head(0)
    for older, newer in succession.loc[~learned, ["older", "newer"]].itertuples(index=False, name=None):
        may[newer] = set(done.loc[done["item"].eq(older), "customer_id"])
    parts = [
        pd.DataFrame({"customer_id": everybody[~everybody.isin(may[item])], "item": item})
        for item in sorted(set(may) - set(dated))
    ]
    return pd.concat([pd.DataFrame(columns=["customer_id", "item"], dtype=object), *parts], ignore_index=True)


def replaced_by(offered: pd.DataFrame, succession: pd.DataFrame, owned: pd.DataFrame) -> pd.Series:
    """The item of the customer that each offered one replaces; null for a companion.

    Parameters
    ----------
    offered : (n, ...) frame
        `customer_id`, `companion`; one row a customer and item.
    succession : frame
    owned : frame
        `customer_id`, `item`, `last_day`.

    Returns
    -------
    (n,) series
        Of several, the one bought last.
    """
    keys = ["customer_id", "companion"]
    links = succession.rename(columns={"newer": "companion", "older": "item"})[["companion", "item"]]
    has = offered[keys].merge(links, on="companion").merge(owned[["customer_id", "item", "last_day"]])
    last = has.sort_values(["last_day", "item"]).drop_duplicates(keys, keep="last")
    found = offered[keys].merge(last.rename(columns={"item": "replaces"}), on=keys, how="left")["replaces"]
    return found.astype(object).where(found.notna(), None).set_axis(offered.index)


def words_of(succession: pd.DataFrame, *, dated: Collection[str] = ()) -> tuple[Sentence, ...]:
    """What was learned and is not offered, in a sentence; nothing where dates decide it."""
    rows = succession[succession["basis"].eq("learned") & ~succession["newer"].isin(list(dated))]
    if rows.empty:
        return ()
    first = rows.sort_values("stopped", ascending=False, kind="stable").head(SHOWN)
    pairs = tuple(
        Sentence.of("note.succession", newer=newer, older=older, stopped=int(stopped), known=int(stopped + again))
        for older, newer, stopped, again in first[list(COLUMNS)].itertuples(index=False, name=None)
    )
    keys = {"chain": "outreach.items.succeeds", "by_date": "outreach.cadence.dated"}
    return (Sentence.of("note.successions", pairs=len(rows), shown=pairs, **keys),)


def _table(pairs: pd.DataFrame, companions: Companions, name: str) -> Array:
    """Counts of `later_<name>` and `earlier_<name>` as a (K, K) array: row a, column b, b taken up after a."""
    index = pd.Index(companions.items)
    rows, columns = index.get_indexer(pd.Index(pairs["item"])), index.get_indexer(pd.Index(pairs["companion"]))
    table = np.zeros((len(index), len(index)))
    table[rows, columns] = pairs[f"later_{name}"].to_numpy(dtype=float)
    table[columns, rows] = pairs[f"earlier_{name}"].to_numpy(dtype=float)
    return table


def _stopped(owned: pd.DataFrame, cutoff_day: int, usual_gap: pd.Series | None) -> Mask:
    """Whether each item has stopped for its customer: silent for two mean gaps, while something else was bought.

    An item that the customer bought once has the mean gap of its buyers.
    """
    silence = cutoff_day - owned["last_day"].to_numpy(dtype=float)
    usual = owned["item"].map(owned.groupby("item")["mean_gap_days"].mean() if usual_gap is None else usual_gap)
    gap = owned["mean_gap_days"].fillna(usual).to_numpy(dtype=float)
    still_here = owned.groupby("customer_id")["last_day"].transform("max").to_numpy() > owned["last_day"].to_numpy()
    with np.errstate(invalid="ignore"):
        return np.asarray((silence > SILENT_GAPS * gap) & still_here)
