"""Numbers of items: recovered from simulations, leaning on each other, on the group, and on what the user says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, special

from ltvml.datasets.simulate_renewals import Renewals, SimulatedItem, simulate_renewals
from ltvml.errors import DataContractError
from ltvml.models.replenishment.gamma_renewal import GammaRenewal
from ltvml.models.replenishment.item_fit import NAMES, Beliefs, Given, first_guess, fit_items, stand
from ltvml.models.replenishment.item_table import ItemTable
from ltvml.models.replenishment.pair_history import PairHistory

# the bar, on 5,000 pairs of an item: two to three standard errors
ELASTICITY = 0.03
# one draw in 370 lies further out; the draws are fixed
STANDARD_ERRORS = 3.0
# a climb stops when a step promises a thousandth of log-likelihood: a twentieth of a standard error
STOPPED = 0.05
ROUNDING = 1e-9
# what quadrature over the quantiles leaves, whose ends are steep
INVERTED = 1e-6
END, CUTOFF, ENTRY = 1000, 900, 500
# how far an item of three pairs may keep from its group, and one of 3,000 from its truth, on a log scale
NEAR_GROUP, NEAR_TRUTH = 0.15, 0.08
# two open gaps of a day say next to nothing
SAID = 0.03


def simulated(*items, seed=1, **more) -> Renewals:
    return simulate_renewals(6000, items, end_day=END, entry_days=ENTRY, random_state=seed, **more)


def fitted(renewals, **predicted) -> GammaRenewal:
    return GammaRenewal().fit(renewals.history(CUTOFF, **predicted))


def number(model, item, name):
    return float(model.items_.points[model.items_.names.index(item), NAMES.index(name)])


class TestRecovery:
    @pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
    def test_elasticity(self, eta):
        model = fitted(simulated(SimulatedItem("soap", 5000, elasticity=eta)))
        assert number(model, "soap", "elasticity") == pytest.approx(eta, abs=ELASTICITY)

    @pytest.mark.parametrize(
        "item",
        [
            SimulatedItem("soap", 5000),
            SimulatedItem("food", 5000, kappa=8.0, a=12.0, b=60.0, pi=0.7, elasticity=0.7),
            SimulatedItem("bread", 5000, kappa=1.2, a=3.0, b=60.0, pi=0.95, elasticity=0.1),
        ],
        ids=lambda item: item.name,
    )
    def test_every_number_is_within_three_standard_errors(self, item):
        # not by whole days, which hide the gaps of hours that bread has
        items = fitted(simulated(item, whole_days=False)).items_
        errors = (items.points[0] - item.point) / items.standard_errors[0]
        assert np.abs(errors).max() < STANDARD_ERRORS, dict(zip(NAMES, errors, strict=True))

    def test_standard_errors_are_the_scatter_of_repeated_draws(self):
        fits = [fitted(simulated(SimulatedItem("soap", 500), seed=seed)).items_ for seed in range(40)]
        scatter = np.std([fit.points[0] for fit in fits], axis=0, ddof=1)
        given = np.mean([fit.standard_errors[0] for fit in fits], axis=0)
        # a scatter of 40 draws is known to 11 %, three of which are 34 %
        np.testing.assert_allclose(scatter, given, rtol=0.34)

    def test_share_that_never_returns_is_told_from_long_gaps_where_histories_are_long(self):
        model = fitted(simulated(SimulatedItem("soap", 5000, kappa=4.0, pi=0.6)))
        assert 1 / (1 + np.exp(-number(model, "soap", "logit_pi"))) == pytest.approx(0.6, abs=0.02)


class TestShrinkage:
    def test_few_pairs_lean_on_the_group_and_many_stand_alone(self):
        quick = [SimulatedItem(f"food {i}", 400, b=b, group="food") for i, b in enumerate((38, 40, 41, 42, 43))]
        slow = [SimulatedItem(f"ware {i}", 400, b=b, group="ware") for i, b in enumerate((150, 155, 160, 165, 170))]
        new = [SimulatedItem("new food", 3, b=40.0, group="food"), SimulatedItem("new ware", 3, b=160.0, group="ware")]
        odd = SimulatedItem("odd food", 3000, b=90.0, group="food")
        model = fitted(simulated(*quick, *slow, *new, odd))
        food, ware = (np.mean([number(model, i.name, "log_typical_gap") for i in them]) for them in (quick, slow))
        assert number(model, "new ware", "log_typical_gap") == pytest.approx(ware, abs=3 * NEAR_GROUP)
        assert abs(number(model, "new food", "log_typical_gap") - food) < abs(ware - food) / 3
        assert number(model, "odd food", "log_typical_gap") == pytest.approx(odd.point[2], abs=NEAR_TRUTH)

    def test_three_pairs_lie_near_their_alike_group(self):
        alike = [SimulatedItem(f"food {i}", 400) for i in range(8)]
        model = fitted(simulated(*alike, SimulatedItem("new", 3)))
        for name in ("log_kappa", "log_typical_gap", "elasticity"):
            middle = np.mean([number(model, item.name, name) for item in alike])
            assert number(model, "new", name) == pytest.approx(middle, abs=NEAR_GROUP)

    def test_items_of_one_truth_scatter_less_than_alone(self):
        items = [SimulatedItem(f"food {i}", 60) for i in range(12)]
        renewals = simulated(*items)
        together = fitted(renewals).items_.points[:-1]
        alone = []
        for item in items:
            days = renewals.days[renewals.days["item"] == item.name].reset_index(drop=True)
            alone.append(fitted(Renewals(days, (item,))).items_.points[0])
        missed = [np.mean((points - items[0].point) ** 2, axis=0) for points in (together, np.array(alone))]
        assert (missed[0] < missed[1])[[0, 2, 4]].all()


class TestMedianGap:
    """Against the median found by bisection of the distribution, integrated over the rates of the buyers."""

    # kappa, a, b and pi: the second has a mean of its gaps that does not exist
    points = ((2.0, 4.0, 60.0, 0.9), (1.3, 0.8, 20.0, 0.6), (8.0, 12.0, 300.0, 1 - 1e-9))

    @staticmethod
    def by_inversion(kappa, a, b):
        def gone(days):
            chance = lambda share: special.gammainc(kappa, special.gammaincinv(a, share) / b * days)  # noqa: E731
            return integrate.quad(chance, 0, 1, epsabs=1e-9)[0]

        return optimize.brentq(lambda days: gone(days) - 0.5, 1e-3, 1e5, xtol=1e-7)

    @pytest.fixture
    def table(self):
        rows = [[np.log(k), np.log(a), np.log(k * b / a), special.logit(pi), 0.3] for k, a, b, pi in self.points]
        # the last row is the middle of all items
        points, known = np.array([*rows, rows[1]]), np.ones(len(rows) + 1)
        counts = np.full(len(rows), 50)
        names = ("soap", "lamp", "food")
        return ItemTable(names, points, np.zeros_like(points), known, known < 0, counts, counts)

    def test_of_each_item_is_that_of_the_gaps_that_end(self, table):
        expected = [self.by_inversion(kappa, a, b) for kappa, a, b, _ in self.points]
        assert table.described()["cycle_days"].tolist() == pytest.approx(expected, rel=INVERTED)

    def test_of_a_report_is_a_median_too(self, table):
        model = GammaRenewal()
        model.items_ = table
        assert model.params_["median_gap"] == pytest.approx(self.by_inversion(*self.points[1][:3]), rel=INVERTED)


class TestDaysPerUnitOfTheUser:
    others = tuple(SimulatedItem(f"food {i}", 300) for i in range(6))

    def cycle(self, model, item):
        table = model.items_.described().set_index("item")
        return float(table.loc[item, "cycle_days"])

    def with_a_new_item(self, others):
        """Two customers bought it for the first time yesterday: nothing is known of it but what the user says."""
        renewals = simulated(*others)
        new = pd.DataFrame({"customer_id": ["9998", "9999"], "item": "new", "day": CUTOFF - 1, "quantity": 1.0})
        days = pd.concat([renewals.days, new]).sort_values(["customer_id", "item", "day"], ignore_index=True)
        return Renewals(days, renewals.items)

    @pytest.mark.parametrize(("kappa", "a"), [(2.0, 4.0), (1.0, 1.5), (8.0, 20.0)])
    def test_are_the_median_gap_of_an_item_without_repeats(self, kappa, a):
        others = [replace(item, kappa=kappa, a=a, b=20 * a) for item in self.others]
        model = fitted(self.with_a_new_item(others), days_per_unit={"new": 120.0})
        assert self.cycle(model, "new") == pytest.approx(120, rel=SAID)
        assert model.items_.described().set_index("item").loc["new", "basis"] == "manual"

    def test_stretch_with_the_quantity(self):
        model = fitted(self.with_a_new_item(self.others), days_per_unit={"new": 120.0})
        assert number(model, "new", "elasticity") == pytest.approx(1, abs=SAID)

    def test_fade_with_data(self):
        known = SimulatedItem("known", 3000)
        renewals = simulated(*self.others, known)
        given, unset = fitted(renewals, days_per_unit={"known": 200.0}), fitted(renewals)
        assert self.cycle(given, "known") == pytest.approx(self.cycle(unset, "known"), rel=0.03)
        assert given.items_.described().set_index("item").loc["known", "basis"] == "item"

    def test_leave_other_items_alone(self):
        renewals = self.with_a_new_item(self.others)
        given, unset = fitted(renewals, days_per_unit={"new": 500.0}), fitted(renewals)
        for item in self.others:
            assert self.cycle(given, item.name) == pytest.approx(self.cycle(unset, item.name), rel=0.02)


class TestPairs:
    rows = simulated(SimulatedItem("soap", 150), SimulatedItem("food", 100, kappa=6.0)).history(CUTOFF).rows
    given = Given(np.zeros(2, dtype=np.int64), np.full(2, np.nan), np.full(5, np.nan))

    def repeated(self):
        rows, n = self.rows, len(self.rows.item)
        twice = {name: np.tile(getattr(rows, name), 2) for name in ("item", "count", "n", "elapsed")}
        twice |= {name: np.tile(getattr(rows, name), 2) for name in ("log_last_quantity", "gap", "log_quantity")}
        return replace(rows, **twice, gap_pair=np.concatenate([rows.gap_pair, rows.gap_pair + n]))

    def test_count_equals_repetition(self):
        counted = fit_items(replace(self.rows, count=self.rows.count * 2), self.given)
        repeated = fit_items(self.repeated(), self.given)
        np.testing.assert_allclose(counted.points, repeated.points, rtol=ROUNDING, atol=ROUNDING)
        np.testing.assert_allclose(counted.variance, repeated.variance, rtol=ROUNDING)

    def test_count_equals_repetition_in_the_first_guess(self):
        counted = replace(self.rows, count=self.rows.count * 2)
        np.testing.assert_allclose(first_guess(counted), first_guess(self.repeated()), rtol=ROUNDING)

    def test_some_rows_keep_their_gaps(self):
        some = self.rows.where(np.arange(len(self.rows.item)) % 3 == 0)
        eta = np.array([0.3, 0.8])
        whole, part = self.rows.at(eta), some.at(eta)
        np.testing.assert_allclose(part.total, whole.total[::3], rtol=ROUNDING)
        np.testing.assert_allclose(part.log_total, whole.log_total[::3], rtol=ROUNDING)

    def test_the_climb_ends_at_a_maximum(self):
        renewals = simulated(SimulatedItem("soap", 3000))
        history = renewals.history(CUTOFF)
        given = replace(self.given, group=np.zeros(1, dtype=np.int64), days_per_unit=np.array([np.nan]))
        fit = fit_items(history.rows, given)
        flat = Beliefs(fit.points, np.full((1, 5), 1e6))
        here = stand(history.rows, flat, fit.points, given.free)
        # by the Newton step that is left, in standard errors; the weak belief explains a little of it
        step = np.linalg.solve(here.information[0], here.slope[0])
        assert np.abs(step / np.sqrt(fit.variance[0])).max() < 2 * STOPPED
        assert fit.converged


class TestHistory:
    def test_without_any_repeat_says_so(self):
        pairs = simulated(SimulatedItem("soap", 30, pi=1e-9)).pairs(CUTOFF)
        empty = pairs.iloc[:0][["customer_id", "item"]].assign(gap=[], quantity=[])
        with pytest.raises(DataContractError, match="bought twice"):
            PairHistory(pairs, empty)

    def test_alike_pairs_with_one_purchase_become_one_row(self):
        history = simulated(SimulatedItem("soap", 3000, pi=0.1, packs=(1.0,))).history(CUTOFF)
        assert len(history.rows.item) < len(history.pairs) / 2
        assert history.rows.count.sum() == len(history.pairs)
        assert history.rows.n @ history.rows.count == len(history.gaps)

    def test_unknown_quantities_count_as_one_unit(self):
        renewals = simulated(SimulatedItem("soap", 400))
        days = renewals.days.assign(quantity=np.nan)
        model = fitted(Renewals(days, renewals.items))
        assert number(model, "soap", "elasticity") == 0

    def test_one_quantity_throughout_tells_no_elasticity(self):
        assert number(fitted(simulated(SimulatedItem("soap", 400, packs=(2.0,)))), "soap", "elasticity") == 0

    def test_a_pair_with_a_thousand_purchases_and_an_item_bought_once_by_everybody_are_fitted(self):
        daily = SimulatedItem("bread", 3, kappa=5.0, a=50.0, b=8.0, pi=0.99999, packs=(1.0, 2.0), elasticity=0.0)
        once = SimulatedItem("sofa", 500, pi=1e-9)
        model = fitted(simulated(daily, once, SimulatedItem("soap", 300)))
        assert np.isfinite(model.items_.points).all()
        share = model.items_.described().set_index("item")["reorder_share"]
        assert share["sofa"] < share["soap"]
