"""The table of actions: the one that ships is sound, and a broken one is told everything at once."""

from __future__ import annotations

import dataclasses

import pytest

from ltvml.outreach.actions import CHANNELS, DEFAULT_ACTIONS, Action, Channel, faults, windows
from ltvml.outreach.eligibility import RULES


def test_the_actions_that_ship_have_no_fault() -> None:
    assert faults(DEFAULT_ACTIONS, CHANNELS, RULES) == []


def test_the_actions_of_the_issue_ship() -> None:
    shipped = {action.name for action in DEFAULT_ACTIONS}
    assert shipped == {
        *("second_order_offer", "membership_invitation", "replenishment_reminder", "companion_offer"),
        *("win_back", "vip_care"),
    }


def test_every_effect_that_ships_is_a_small_assumption() -> None:
    assert all(0 < action.effect <= 0.2 for action in DEFAULT_ACTIONS)


def test_all_faults_are_told_together() -> None:
    broken = Action(
        "hello",
        "winback",
        ("e-mail",),
        cost=None,
        window_days=0,
        effect=float("nan"),
        rule="win_bak",
        from_day=9,
        to_day=3,
    )
    words = "\n".join(faults([broken], CHANNELS, RULES))
    for part in ("no cost", "did you mean win_back", "channel 'e-mail'", "did you mean email", "window_days 0", "nan"):
        assert part in words
    assert "to_day 3 is before from_day 9" in words


def test_an_action_named_twice_is_a_fault() -> None:
    assert "win_back: named 2 times" in faults([DEFAULT_ACTIONS[4]] * 2, CHANNELS, RULES)[0]


def test_a_channel_needs_a_cost_too() -> None:
    found = faults([], [Channel("pigeon"), Channel("raven", -1.0)], RULES)
    assert ["pigeon: no cost" in found[0], "raven: cost -1" in found[1]] == [True, True]


def test_a_rule_that_reads_a_column_needs_its_name() -> None:
    nameless = dataclasses.replace(DEFAULT_ACTIONS[4], rule="tagged", column=None)
    assert "rule tagged reads a column of the table customers" in faults([nameless], CHANNELS, RULES)[0]


@pytest.mark.parametrize("name", ["follow_up", "points_expiry"])
def test_a_service_contact_is_no_offer(name: str) -> None:
    (words,) = faults([Action(name, "follow_up", cost=0.1)], CHANNELS, RULES)
    assert f"{name} is a service contact and no offer" in words
    assert "Remove it from outreach.actions" in words


def test_windows_are_distinct_and_ordered() -> None:
    assert windows([Action("a", "win_back", ("email",), window_days=days) for days in (28, 7, 28)]) == (7, 28)
