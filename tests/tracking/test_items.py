from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.tracking.items import (
    Artifact,
    DatasetItem,
    Metric,
    ModelItem,
    Param,
    Tag,
    backtest_run,
    fit_run,
    model_run,
    numbers_of,
    of_shop,
    place_artifacts,
    score_run,
)

if TYPE_CHECKING:
    from pathlib import Path

GAMMA_GAMMA = {
    "name": "gamma_gamma",
    "params": {"orders": "all"},
    "parameters": {"p": 6.25, "q": 3.74},
    "standard_errors": {"p": 1.19, "q": float("inf")},
    "log_likelihood": -4055.9,
    "messages": ["q is not identified"],
    "withheld": {"p_alive": "nobody leaves"},
}


def test_a_fit_has_a_child_for_each_model() -> None:
    run = fit_run({"models": {"purchase": {"name": "bg_nbd"}, "spend": GAMMA_GAMMA}})
    assert run.name == "fit"
    dated = fit_run({"window": {"cutoff": "2011-09-10"}, "models": {"spend": GAMMA_GAMMA}})
    assert (dated.name, dated.children[0].name) == ("fit 2011-09-10", "spend: gamma_gamma: 2011-09-10")
    assert Tag("cutoff", "2011-09-10") in dated.children[0].items
    assert [child.name for child in run.children] == ["purchase: bg_nbd", "spend: gamma_gamma"]


def test_a_model_is_logged_with_its_parameters_and_their_standard_errors() -> None:
    items = model_run("spend", GAMMA_GAMMA).items
    assert Metric("parameter.p", 6.25) in items
    assert Metric("standard_error.p", 1.19) in items
    assert Metric("log_likelihood", -4055.9) in items
    assert Param("orders", "all") in items
    assert Tag("model", "gamma_gamma") in items


def test_a_number_that_is_not_finite_is_kept_as_text() -> None:
    assert list(numbers_of({"q": float("inf"), "p": None})) == [Param("q", "inf"), Param("p", "None")]


def test_the_words_of_a_model_are_kept() -> None:
    (words,) = [item for item in model_run("spend", GAMMA_GAMMA).items if isinstance(item, Artifact)]
    assert words.name == "messages.json"
    assert json.loads(str(words.content)) == {key: GAMMA_GAMMA[key] for key in ("messages", "withheld")}


def test_a_model_without_words_or_numbers_has_neither() -> None:
    assert model_run("value", {"name": "past_spend"}).items == (Tag("role", "value"), Tag("model", "past_spend"))


def test_the_ledger_is_both_numbers_and_a_file(report: dict[str, Any]) -> None:
    items = fit_run(report).items
    assert Metric("ledger.missing_date", 6.0) in items
    (ledger,) = [item for item in items if isinstance(item, Artifact) and item.name == "ledger.json"]
    assert json.loads(str(ledger.content)) == report["ledger"]


def test_the_bundle_and_its_plots_are_items(report: dict[str, Any]) -> None:
    items = fit_run(report).items
    assert ModelItem(report["bundle"]) in items
    assert Artifact("plots/tracking.png", report["plots"][0]) in items


def test_a_score_has_neither_model_nor_children(report: dict[str, Any]) -> None:
    run = score_run({key: report[key] for key in ("window", "ledger", "fingerprint")})
    assert run.children == ()
    assert Param("fingerprint.rows", "2000") in run.items
    assert not any(isinstance(item, ModelItem) for item in run.items)


def test_artifacts_are_placed_under_their_names(tmp_path: Path) -> None:
    plot = tmp_path / "gain.png"
    plot.write_bytes(b"\x89PNG")
    items = (Artifact("plots/gain.png", plot), Artifact("note.txt", "für alle"), Tag("role", "value"))
    place_artifacts(items, tmp_path / "run")
    assert (tmp_path / "run" / "plots" / "gain.png").read_bytes() == b"\x89PNG"
    assert (tmp_path / "run" / "note.txt").read_text(encoding="utf-8") == "für alle"


def test_measures_at_past_cutoffs_are_a_mean_to_sort_by_and_a_curve_in_the_order_of_time() -> None:
    past = {"repurchase": {"log_loss": {"2011-06-12": 0.4, "2011-03-14": 0.5}, "auc": {"2011-06-12": float("nan")}}}
    metrics = [item for item in fit_run({"past": past}).items if isinstance(item, Metric)]
    assert metrics == [
        Metric("backtest.churn.log_loss", 0.45),
        Metric("by_cutoff.churn.log_loss", 0.5, step=15047),
        Metric("by_cutoff.churn.log_loss", 0.4, step=15137),
    ]


def test_a_backtest_holds_the_measures_of_its_champions_among_those_who_decide() -> None:
    rows = [
        ("repurchase", "2011-06-12", "decides", "mix", "log_loss", 0.4),
        ("repurchase", "2011-06-12", "decides", "recency", "log_loss", 0.6),
        ("repurchase", "2011-06-12", "new", "mix", "log_loss", 0.1),
    ]
    measures = pd.DataFrame(rows, columns=["role", "cutoff", "segment", "candidate", "measure", "value"])
    run = backtest_run({"measures": measures, "champions": {"repurchase": "mix"}, "window": {"cutoff": "2011-09-10"}})
    assert run.name == "backtest 2011-09-10"
    assert Tag("model.churn", "mix") in run.items
    assert Metric("backtest.churn.log_loss", 0.4) in run.items
    assert Metric("backtest.churn.log_loss", 0.6) not in run.items


def test_every_run_has_the_tag_of_its_shop_and_says_its_words_at_the_top() -> None:
    run = of_shop(fit_run({"models": {"spend": GAMMA_GAMMA}, "messages": ["odd"], "record": ["won"]}), "baby")
    assert Tag("shop", "baby") in run.items
    assert Tag("shop", "baby") in run.children[0].items
    assert Tag("mlflow.note.content", "- won\n- odd") in run.items


def test_a_dataset_is_its_fingerprint_and_counts() -> None:
    given = {"window": {"cutoff": "2011-09-10"}, "fingerprint": {"lines": "abc"}, "ledger": {"used": 7}}
    (item,) = [item for item in score_run(given).items if isinstance(item, DatasetItem)]
    assert (item.name, item.digest, item.profile) == ("orders up to 2011-09-10", "abc", {"lines used": 7})


def test_no_key_of_a_metric_has_a_blank() -> None:
    assert Metric("seconds.score_items", 1.0) in fit_run({"seconds": {"score items": 1.0}}).items
