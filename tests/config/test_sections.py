"""What a configuration takes, what it refuses, and how it says so."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pydantic
import pytest

from ltvml.config import Config, ModelChoice, WindowSettings
from ltvml.config.faults import keys_of
from ltvml.config.sections import AUTO_MEANS, FOLDERS
from ltvml.errors import ConfigError

CUTOFF = {"cutoff": "2011-09-10"}


def faults_of(**values: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        Config.model_validate(values)
    return caught.value.faults


def test_all_faults_are_reported_together_with_their_paths():
    faults = faults_of(
        window={"churn_horizn": 90, "ltv_horizon": 0},
        transactions={"returns": "nett", "columns": {"custmer_id": "user"}},
        value={"margin": 30},
    )
    assert [fault.split(":")[0] for fault in faults] == [
        "transactions.columns",
        "transactions.returns",
        "window.ltv_horizon",
        "window.churn_horizn",
        "value.margin",
    ]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"window": {"churn_horizn": 1}}, "window.churn_horizn: unknown key; did you mean churn_horizon?"),
        ({"windw": {}}, "windw: unknown key; did you mean window?"),
        ({"cutoff": "2011-09-10"}, "cutoff: unknown key here; did you mean window.cutoff?"),
        (
            {"transactions": {"returns": "nett"}},
            "transactions.returns: expected net, drop or error; found 'nett'; did you mean net?",
        ),
        (
            {"window": {"churn_horizon": "soon"}},
            "window.churn_horizon: expected whole days from 1 to 7,300, or auto; found 'soon'",
        ),
        (
            {"window": {"churn_horizon": 0}},
            "window.churn_horizon: expected whole days from 1 to 7,300, or auto; found 0",
        ),
        ({"window": {"ltv_horizon": True}}, "window.ltv_horizon: expected a number; found true"),
        ({"window": {"cutoff": 20110910}}, "window.cutoff: expected a date YYYY-MM-DD; found 20110910"),
        ({"value": {"margin": 30}}, "value.margin: expected less than or equal to 1; found 30"),
        ({"value": {"currency": False}}, "value.currency: expected three capital letters, like GBP; found False"),
        ({"engine": "duckdb"}, "engine: expected a section of keys; found 'duckdb'"),
        ({"output": {"formats": ["xlsx"]}}, "output.formats.0: expected parquet or csv; found 'xlsx'"),
        ({"output": {"formats": []}}, "output.formats: expected at least one; found an empty list"),
        ({"transactions": {"exclude": ["a", "a"]}}, "transactions.exclude: a is there more than once"),
        (
            {"models": {"spend": "gama_gamma"}},
            "models.spend: there is no model 'gama_gamma'; did you mean gamma_gamma?; "
            "expected auto, gamma_gamma, mean_order",
        ),
        (
            {"replenishment": {"item": "sku"}},
            "replenishment.item: expected auto, category, product_id or off; found 'sku'",
        ),
        ({"replenishment": {"horizon": 0}}, "replenishment.horizon: expected greater than or equal to 1; found 0"),
        ({"replenishment": {"lapsed_from": 1}}, "replenishment.lapsed_from: expected less than 1; found 1"),
        (
            {"replenishment": {"days_per_unit": {"tea": 0}}},
            "replenishment.days_per_unit: expected item: days above 0, or the path of a table with item and "
            "days_per_unit; found {'tea': 0}",
        ),
        (
            {"models": {"replenishment": "gama_renewal"}},
            "models.replenishment: there is no model 'gama_renewal'; did you mean gamma_renewal?; "
            "expected auto, gamma_renewal, household_activity, lightgbm_stacker, mean_gap, poisson_gamma, "
            "pooled_median",
        ),
        ({"models": {"purchase": {"params": {}}}}, "models.purchase.name: missing; this key is required here"),
    ],
)
def test_a_fault_says_what_was_found_and_what_was_expected(values, fault):
    assert faults_of(**values) == (fault,)


def test_an_unknown_column_names_the_nearest_one():
    assert (
        "'custmer_id' is not a column of ours; did you mean customer_id?"
        in faults_of(transactions={"columns": {"custmer_id": "user"}})[0]
    )


def test_an_unknown_column_of_products_names_the_nearest_one():
    assert (
        "'unit' is not a column of ours; did you mean units?; expected our name: your name, ours being product_id, "
        "contains, units" in faults_of(products={"columns": {"unit": "pieces"}})[0]
    )


def test_days_per_unit_is_a_mapping_or_a_path():
    settings = Config(replenishment={"days_per_unit": {"tea": 9}}).replenishment.days_per_unit
    assert settings == {"tea": 9.0}
    assert Config(replenishment={"days_per_unit": Path("tables") / "lasts.csv"}).replenishment.days_per_unit == (
        "tables/lasts.csv"
    )


def test_an_unknown_time_zone_names_the_nearest_one():
    assert "did you mean Europe/London?" in faults_of(transactions={"timezone": "Europe/Londn"})[0]


def test_a_number_that_is_not_finite_is_refused():
    assert faults_of(value={"margin": float("nan")})[0].startswith("value.margin: ")


@pytest.mark.parametrize("build", [Config.model_validate, lambda values: Config(**values)])
def test_pydantic_errors_never_reach_the_user(build):
    with pytest.raises(ConfigError) as caught:
        build({"window": {"nonsense": 1}})
    assert not isinstance(caught.value, pydantic.ValidationError)


def test_a_section_built_by_itself_reports_like_the_whole():
    with pytest.raises(ConfigError, match="churn_horizn: unknown key; did you mean churn_horizon"):
        WindowSettings(churn_horizn=1)


@pytest.mark.parametrize("cutoff", ["2011-09-10", dt.date(2011, 9, 10), dt.datetime(2011, 9, 10, 23, 59)])
def test_a_cutoff_is_a_date_however_it_is_written(cutoff):
    assert Config(window={"cutoff": cutoff}).cutoff == dt.date(2011, 9, 10)


def test_the_configuration_cannot_be_changed():
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        Config().window.ltv_horizon = 1


def test_a_missing_cutoff_is_an_error_only_when_it_is_needed():
    config = Config()
    with pytest.raises(ConfigError, match=r"window\.cutoff is missing"):
        _ = config.cutoff


def test_a_source_may_be_a_path_object():
    assert Config(transactions={"source": Path("orders") / "all.csv"}).transactions.source == "orders/all.csv"


def test_the_window_takes_the_configured_horizon_before_the_observed_one():
    window = Config(window={**CUTOFF, "churn_horizon": 90}).window.resolved(churn_horizon=28)
    assert (window.churn_horizon, window.ltv_horizon) == (90, 365)


def test_an_automatic_horizon_is_the_one_handed_in():
    assert Config(window=CUTOFF).window.resolved(churn_horizon=56).churn_horizon == 56


def test_an_automatic_horizon_that_nobody_found_is_an_error():
    with pytest.raises(ConfigError, match="churn_horizon is auto"):
        Config(window=CUTOFF).window.resolved()


def test_a_bare_name_is_a_model_without_params():
    assert Config(models={"purchase": "bg_nbd"}).models.purchase == ModelChoice(name="bg_nbd")


@pytest.mark.parametrize(
    ("role", "name"),
    [("churn", "lightgbm_hazard"), ("churn", "bg_nbd"), ("churn", "closed_form"), ("value", "purchase_times_spend")],
)
def test_a_role_takes_its_own_models_and_those_that_may_serve_it(role, name):
    assert getattr(Config(models={role: name}).models, role).name == name


def test_a_model_of_another_role_is_refused_with_those_that_fit():
    with pytest.raises(ConfigError, match=r"no model 'lightgbm_hazard'.*past_spend"):
        Config(models={"value": "lightgbm_hazard"})


def test_auto_is_said_in_words_for_every_role():
    assert set(AUTO_MEANS) == set(FOLDERS) == {"purchase", "spend", "churn", "value", "replenishment"}


def test_a_section_left_empty_is_a_section_left_out():
    assert Config.model_validate({"window": None, "value": {"currency": None, "decimals": None}}) == Config()


def test_a_configuration_survives_json():
    config = Config(window=CUTOFF, transactions={"exclude": ["a", "b"]}, models={"purchase": "bg_nbd"})
    assert Config.model_validate(json.loads(json.dumps(config.to_dict()))) == config


def test_every_key_is_described():
    assert [key.path for key in keys_of(Config) if not key.meaning] == []
