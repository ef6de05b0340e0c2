"""on and off are words of a configuration, and still say yes and no where that is asked."""

from __future__ import annotations

import pytest

from ltvml.config import load_config


@pytest.mark.parametrize("word", ["off", '"off"'])
@pytest.mark.parametrize("key", ["season", "replenishment.item"])
def test_off_turns_a_part_off_quoted_or_not(tmp_path, key, word):
    path = tmp_path / "shop.yaml"
    path.write_text("", encoding="utf-8")
    config = load_config(path, [f"{key}={word}"])
    assert "off" in (config.season, config.replenishment.item)


@pytest.mark.parametrize(
    ("word", "meant"), [("on", True), ("off", False), ("yes", True), ("no", False), ("true", True)]
)
def test_a_switch_still_takes_every_word_of_yaml(tmp_path, word, meant):
    path = tmp_path / "shop.yaml"
    path.write_text(f"replenishment: {{all_pairs: {word}}}", encoding="utf-8")
    assert load_config(path).replenishment.all_pairs is meant
