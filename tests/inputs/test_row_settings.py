"""keep, drop, amount_is and amount: 1 from a configuration to the ledger; every hint is accepted as printed."""

from __future__ import annotations

import shlex
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.config import Config
from ltvml.config.loading import overridden
from ltvml.errors import ConfigError, DataContractError, DataWarning
from ltvml.inputs.orders import read_orders
from ltvml.progress import Steps

if TYPE_CHECKING:
    from ltvml.features.ledger import Ledger

WINDOW = {"cutoff": "2024-01-31", "churn_horizon": 28}
DAY = "2024-01-30"


def ledger(frame: pd.DataFrame, **transactions: Any) -> Ledger:
    config = Config.model_validate({"transactions": transactions, "window": WINDOW})
    return read_orders(config.orders, config.window, frame, Steps()).ledger


def rows(**columns: Any) -> pd.DataFrame:
    length = len(next(iter(columns.values())))
    ids = [f"c{number}" for number in range(length)]
    return pd.DataFrame({"customer_id": ids, "order_date": DAY, "amount": 1.0} | columns)


def test_values_of_any_yaml_type_are_compared_as_their_text() -> None:
    frame = rows(flag=["TRUE", "false", "x"], code=[1, 2, 3], note=["a", None, " B "])
    assert ledger(frame, drop={"flag": [True]}).reasons == {"drop flag: true": 1}
    assert ledger(frame, drop={"code": [1, 2.0]}).reasons == {"drop code: 1": 1, "drop code: 2": 1}
    assert ledger(frame, drop={"note": [None, "b"]}).reasons == {'drop note: ""': 1, "drop note: b": 1}
    assert ledger(frame, keep={"note": "B"}).used == 1


def test_the_setting_that_a_warning_prints_is_accepted_and_leaves_the_rows_out() -> None:
    frame = rows(**{"Order Status": ["paid", "cancelled", "add_to_cart"]})
    with pytest.warns(DataWarning, match="are no purchases") as said:
        ledger(frame)
    message = str(said[0].message)
    option, override = shlex.split(message[message.index("--set") :].rstrip("."))
    assert option == "--set"
    assert ledger(frame, **overridden({}, override)["transactions"]).used == 1


def test_other_numbers_than_one_are_no_column() -> None:
    with pytest.raises(ConfigError, match="amount: 1 counts purchases"):
        ledger(rows(x=[1]), columns={"amount": 2})
    with pytest.raises(ConfigError, match="customer_id is 1"):
        ledger(rows(x=[1]), columns={"customer_id": 1})


def test_an_amount_of_one_counts_lines() -> None:
    found = ledger(rows(x=[1, 2]).drop(columns="amount"), columns={"amount": 1})
    assert (found.money_used, found.counts_purchases) == (200, True)


def test_totals_of_orders_need_the_orders() -> None:
    with pytest.raises(DataContractError, match="no order_id"):
        ledger(rows(x=[1]), amount_is="order")


def test_what_is_booked_back_after_the_cutoff_takes_nothing_back() -> None:
    booked_back = rows(customer_id=["a", "a"], event=["buy", "view"], amount=[1.0, -1.0])
    for day, used in ((DAY, 0), ("2024-02-05", 100)):
        found = ledger(
            pd.concat([rows(event=["buy"]), booked_back.assign(order_date=[DAY, day])]), keep={"event": ["buy"]}
        )
        assert found.money_used - 100 == used


SHOP = st.lists(
    st.tuples(
        st.sampled_from(["paid", "Void ", "void", "", "open"]),
        st.sampled_from(["view", "buy"]),
        st.sampled_from(["1.00", "2.50", "-1.00", "0", "x", ""]),
        st.sampled_from([DAY, "2024-02-05", "no date", ""]),
        st.sampled_from(["a", "b", ""]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(shop=SHOP)
def test_no_row_and_no_penny_is_lost_whatever_is_left_out(shop: list[tuple[str, ...]]) -> None:
    shop = [*shop, ("paid", "buy", "5.00", DAY, "z")]
    frame = pd.DataFrame(shop, columns=["state", "event", "amount", "order_date", "customer_id"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        found = ledger(frame, drop={"state": ["void"]}, keep={"event": ["buy"]}, max_bad_share=1.0)
    amounts = pd.to_numeric(frame["amount"], errors="coerce")
    state = frame["state"].str.strip().str.lower()
    dropped, not_kept = state == "void", frame["event"] != "buy"
    assert found.rows_in == len(frame)
    assert found.reasons.get("drop state: void", 0) == dropped.sum()
    assert found.reasons.get("keep event: view", 0) == (~dropped & not_kept).sum()
    assert found.money.get("drop state: void", 0) == round(100 * np.nansum(amounts[dropped]))
    assert found.money_in == round(100 * np.nansum(amounts))
    good = ~dropped & ~not_kept & amounts.notna() & (frame["order_date"] == DAY) & (frame["customer_id"] != "")
    kept = {*found.reasons} - {"return_before_any_purchase"}
    later = ("return_before_any_purchase", "reversed_by_an_excluded_line")
    unmatched = sum(found.money.get(name, 0) for name in later)
    assert found.money_used == round(100 * amounts[good].sum()) - unmatched
    assert found.used == good.sum() - sum(found.reasons.get(name, 0) for name in later)
    assert all(found.reasons[name] > 0 for name in kept)
