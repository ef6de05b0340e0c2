"""The section outreach: the defaults of the rooms, what it makes of actions, and all its faults at once."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from ltvml.config import Config, load_config
from ltvml.config.outreach import ActionSettings, OutreachSettings, StageSettings
from ltvml.contracts import OUTREACH
from ltvml.errors import ConfigError
from ltvml.outreach.actions import CHANNELS, DEFAULT_ACTIONS, PURPOSES, Action
from ltvml.outreach.allocation.limits import Limits, Queue
from ltvml.outreach.experiment.holdout import GLOBAL_SALT
from ltvml.outreach.plan import COLUMNS
from ltvml.outreach.settings import (
    CadenceRules,
    Caps,
    CompanionSettings,
    DatedAttribute,
    Fatigue,
    LadderRules,
    StageRules,
    TagRules,
)
from ltvml.words.phrases import languages

EVERY_OPTION = Path(__file__).resolve().parents[2] / "configs" / "every_option.yaml"
DECLARED = {
    "caps": Caps,
    "fatigue": Fatigue,
    "cadence": CadenceRules,
    "ladder": LadderRules,
    "companions": CompanionSettings,
    "tags": TagRules,
}
GIVEN = [
    ("caps", "total_7", 1),
    ("fatigue", "power", 1.5),
    ("cadence", "slow_items", ("OIL",)),
    ("ladder", "least_gain", 0.1),
    ("companions", "weight", 2.0),
    ("tags", "month_orders", 4),
]


def faults_of(**outreach: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        Config.model_validate({"outreach": outreach})
    return caught.value.faults


@pytest.mark.parametrize("name", DECLARED)
def test_an_empty_section_is_the_defaults_of_its_room(name):
    assert getattr(Config.model_validate({"outreach": {name: {}}}).outreach, name) == DECLARED[name]()


@pytest.mark.parametrize(("section", "key", "value"), GIVEN)
def test_a_given_value_reaches_the_room_and_leaves_the_other_defaults(section, key, value):
    outreach = Config.model_validate(json.loads(json.dumps({"outreach": {section: {key: value}}}))).outreach
    assert getattr(outreach, section) == DECLARED[section](**{key: value})


def test_a_section_may_be_given_as_the_dataclass_of_its_room():
    outreach = OutreachSettings(caps=Caps(total_7=1))
    assert outreach.caps == Caps(total_7=1)
    assert outreach.to_dict()["caps"] == OutreachSettings(caps={"total_7": 1}).to_dict()["caps"]


def test_every_key_of_a_room_has_its_meaning_and_its_bounds_in_the_schema():
    sections = Config.model_json_schema()["$defs"]
    for declared in (*DECLARED.values(), DatedAttribute):
        keys = sections[declared.__name__]["properties"]
        assert set(keys) == {field.name for field in fields(declared)}
        assert all(key["description"] for key in keys.values())
    assert sections["LadderRules"]["properties"]["within"]["minimum"] == 1


@pytest.mark.parametrize(("section", "declared"), [(ActionSettings, Action), (StageSettings, StageRules)])
def test_a_section_of_which_only_given_keys_count_has_every_key_of_its_room_as_null(section, declared):
    keys = section.model_fields
    assert set(keys) == {field.name for field in fields(declared)}
    assert {name for name, key in keys.items() if key.default is not None and not key.is_required()} == set()
    assert all(key.description for key in keys.values())


def test_what_ships_stands_in_the_defaults():
    settings = OutreachSettings()
    assert settings.channels_table() == CHANNELS
    channels = tuple(channel.name for channel in CHANNELS)
    assert settings.actions_table() == tuple(replace(action, channels=channels) for action in DEFAULT_ACTIONS)
    assert settings.limits() == Limits(capacity=500)
    assert settings.global_salt == GLOBAL_SALT
    assert settings.faults() == []


def test_the_plan_has_the_columns_of_the_contract():
    assert OUTREACH.names == COLUMNS


@pytest.mark.parametrize("given", ["auto", None, {}, {"trust_days": None}])
def test_stages_are_learned_where_no_number_is_given(given):
    assert Config.model_validate({"outreach": {"stages": given}}).outreach.stages.rules() is None


def test_stages_told_by_one_number_have_the_others_that_their_keys_name():
    schema = StageSettings.model_json_schema()["properties"]
    named = {name: re.search(r"([\d./]+)\.$", key["description"]).group(1) for name, key in schema.items()}
    shipped = StageSettings(trust_days=14).rules()
    assert shipped == StageRules()
    for name, text in named.items():
        top, _, bottom = text.partition("/")
        assert getattr(shipped, name) == pytest.approx(float(top) / float(bottom or 1)), name


def test_an_action_named_like_one_that_ships_changes_only_what_it_says():
    actions = OutreachSettings(actions=["default", {"name": "win_back", "cost": 3}]).actions_table()
    shipped = {action.name: action for action in DEFAULT_ACTIONS}
    assert {action.name for action in actions} == set(shipped)
    for action in actions:
        if action.name == "win_back":
            assert (action.cost, action.to_day) == (3, 730)
        else:
            assert replace(action, channels=()) == shipped[action.name]


def test_a_list_without_the_word_default_leaves_the_others_out():
    settings = OutreachSettings(actions=["win_back", {"name": "vip_care", "effect": 0.3}])
    assert [(action.name, action.effect) for action in settings.actions_table()] == [
        ("win_back", 0.15),
        ("vip_care", 0.3),
    ]


def test_null_takes_the_end_of_an_action_away_and_leaves_its_other_keys():
    action = {"name": "win_back", "to_day": None, "cost": None, "channels": None}
    (win_back,) = OutreachSettings(actions=[action]).actions_table()
    assert (win_back.to_day, win_back.cost) == (None, 1.5)


def test_actions_that_ship_use_the_channels_that_there_are():
    settings = OutreachSettings(channels={"email": {}, "letter": {"cost": 0.8, "capacity": 20}})
    assert {action.channels for action in settings.actions_table()} == {("email", "letter")}
    assert [(channel.name, channel.cost) for channel in settings.channels_table()] == [("email", 0.01), ("letter", 0.8)]
    assert settings.limits().channels == {"letter": 20}


def test_limits_hold_the_queues_and_null_is_no_limit():
    settings = OutreachSettings(capacity=None, budget=90, queues={"win_back": {"capacity": 3}, "vip_care": {}})
    queues = (Queue("win_back", 3, None), Queue("vip_care", None, None))
    assert settings.limits() == Limits(capacity=None, budget=90, queues=queues)


def test_dated_attributes_keep_their_days_as_numbers_through_json():
    given = {"cadence": {"slow_items": ["OIL"], "dated": {"child": {"column": "born", "items": {180: "PORRIDGE"}}}}}
    config = Config.model_validate(json.loads(json.dumps(Config(outreach=given).to_dict())))
    rules = config.outreach.cadence
    assert rules.dated == {"child": DatedAttribute("born", {180: "PORRIDGE"})}
    assert rules.slow_items == ("OIL",)


def test_a_configuration_with_outreach_survives_json():
    config = load_config(EVERY_OPTION).model_copy(
        update={"outreach": OutreachSettings(capacity=None, actions=["default", {"name": "win_back", "to_day": None}])}
    )
    again = Config.model_validate(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert again.outreach.actions_table() == config.outreach.actions_table()
    assert again.outreach.actions_table()[-1].to_day is None


def test_the_actions_in_the_comments_of_every_option_load(tmp_path):
    text = EVERY_OPTION.read_text(encoding="utf-8").replace("  actions: default ", "  actions: # ")
    (tmp_path / "shop.yaml").write_text(re.sub(r"(?m)^  # ", "  ", text), encoding="utf-8")
    names = [action.name for action in load_config(tmp_path / "shop.yaml").outreach.actions_table()]
    assert names[-2:] == ["win_back", "birthday_call"]
    assert len(names) == len(DEFAULT_ACTIONS) + 1


def test_faults_of_all_rooms_are_reported_together():
    found = faults_of(
        capacity=0,
        budget=-1,
        holdout=1,
        ahead=20,
        campaign=GLOBAL_SALT,
        channels={"email": {"cost": -1}, "pigeon": {}},
        actions=["default", {"name": "hello", "purpose": "win_bck", "channels": ["emial"], "rule": "taged"}],
        queues={"winback": {"capacity": 0}},
        caps={"total_7": 5, "channel_7": {"emial": 1}, "exempt": ["folow_up"]},
        fatigue={"power": 0.5},
        cadence={"use_day": 9},
        stages={"lapsing_silence": 100},
        ladder={"least_gain": 2},
        companions={"coverage": 95},
        tags={"spender_share": 3},
    )
    assert all(fault.startswith("outreach: ") for fault in found)
    text = "\n".join(found)
    for words in (
        "capacity 0; expected 1 contact a run or more",
        "budget -1; expected money",
        "share is 1; expected a share from 0 to below 1",
        f"share the salt '{GLOBAL_SALT}'",
        "channel email: cost -1",
        "channel pigeon: no cost",
        "action hello: no cost",
        "purpose 'win_bck' is not known",
        "channel 'emial' is not known; expected one of email, pigeon; did you mean email",
        "rule 'taged' is not known",
        "queue 'winback' is no purpose",
        "caps: 5 contacts in 7 days but 4 in 28 days",
        "caps: channel 'emial' is not known; did you mean email?",
        "caps: exempt purpose 'folow_up' is not known; did you mean follow_up?",
        "fatigue: power 0.5",
        "expected rising days",
        "stages.lapsing_silence is 100 and lapsed_silence 90",
        "ladder.least_gain is 2",
        "companions.coverage is 95",
        "tags.spender_share is 3",
    ):
        assert words in text, words


def test_faults_of_outreach_stand_beside_those_of_other_sections():
    with pytest.raises(ConfigError) as caught:
        Config.model_validate({"value": {"margin": 30}, "outreach": {"capacity": 0, "holdout": 1}})
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["value.margin", "outreach", "outreach"]


@pytest.mark.parametrize(
    ("outreach", "fault"),
    [
        ({"actions": []}, "outreach: actions is an empty list; expected default, or one action or more."),
        ({"actions": ["default", "win_back", "win_back"]}, "outreach: action win_back: named 2 times; expected once."),
        ({"actions": [{"cost": 3}]}, "outreach.actions.0.name: missing; this key is required here"),
        ({"actions": [{"name": "x", "csot": 3}]}, "outreach.actions.0.csot: unknown key; did you mean cost?"),
        (
            {"channels": {"email": {"capasity": 1}}},
            "outreach.channels.email.capasity: unknown key; did you mean capacity?",
        ),
        ({"capasity": 3}, "outreach.capasity: unknown key; did you mean capacity?"),
        ({"language": "fr"}, f"outreach.language: there is no language 'fr'; expected one of {', '.join(languages())}"),
        ({"stages": "lerned"}, "outreach.stages: expected a section of keys; found 'lerned'"),
        ({"capacity": True}, "outreach.capacity: expected a number; found true"),
        ({"caps": {"total7": 1}}, "outreach.caps.total7: unknown key; did you mean total_7?"),
        ({"total_7": 1}, "outreach.total_7: unknown key here; did you mean outreach.caps.total_7?"),
        ({"caps": {"total_7": True}}, "outreach.caps.total_7: expected a number; found true"),
        ({"caps": {"exempt": ["follow_up", "follow_up"]}}, "outreach.caps.exempt: follow_up is there more than once"),
        ({"caps": 3}, "outreach.caps: expected a section of keys; found 3"),
        ({"ladder": {"within": 0}}, "outreach.ladder.within: expected greater than or equal to 1; found 0"),
        ({"fatigue": {"cost": float("nan")}}, "outreach.fatigue.cost: expected a finite number; found nan"),
        (
            {"cadence": {"dated": {"child": {"column": "born", "items": {}, "colum": "x"}}}},
            "outreach.cadence.dated.child.colum: unknown key; did you mean column?",
        ),
    ],
)
def test_a_fault_says_what_was_found_and_what_was_expected(outreach, fault):
    assert faults_of(**outreach) == (fault,)


def test_an_action_of_ones_own_without_cost_is_refused():
    given = {"name": "call", "purpose": PURPOSES[0], "channels": ["phone"], "rule": "vip_care"}
    assert faults_of(actions=[given]) == (
        "outreach: action call: no cost; expected money per contact, 0 or more. Give an estimate if it is not known.",
    )
    assert OutreachSettings(actions=[{**given, "cost": 0}]).faults() == []


def test_a_configuration_changed_afterwards_can_be_asked_for_its_faults():
    config = Config()
    spoilt = config.model_copy(update={"outreach": config.outreach.model_copy(update={"capacity": 0})})
    assert spoilt.outreach.faults() == ["capacity 0; expected 1 contact a run or more, or none to have no limit."]


def test_contacts_and_customers_map_columns_to_names_of_the_user():
    config = Config(
        contacts={"source": "log.csv", "columns": {"sent_at": "sent"}},
        customers={"source": "people.csv", "columns": {"customer_id": "user", "birthday": "born"}},
    )
    assert config.contacts.columns == {"sent_at": "sent"}
    assert config.customers.columns == {"customer_id": "user", "birthday": "born"}
    with pytest.raises(ConfigError, match=r"'sent' is not a column of ours; did you mean sent_at\?"):
        Config(contacts={"columns": {"sent": "sent"}})
