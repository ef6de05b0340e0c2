"""YAML files and overrides."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from ltvml.config import Config, load_config
from ltvml.config.faults import keys_of
from ltvml.config.loading import overridden, parse_yaml
from ltvml.errors import ConfigError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.fixture
def write(tmp_path):
    def write_text(text: str, name: str = "shop.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


def test_dates_of_yaml_are_dates(write):
    assert load_config(write("window: {cutoff: 2011-09-10}")).cutoff == dt.date(2011, 9, 10)


def test_json_is_yaml(write):
    assert load_config(write('{"window": {"cutoff": "2011-09-10"}}')).cutoff == dt.date(2011, 9, 10)


@pytest.mark.parametrize("word", ["off", "'off'"])
def test_off_is_a_word_though_yaml_1_1_reads_it_as_false(write, word):
    config = load_config(write(f"season: {word}\nreplenishment: {{item: {word}}}"))
    assert (config.season, config.replenishment.item) == ("off", "off")
    assert load_config(write(""), [f"season={word}"]).season == "off"


def test_an_empty_file_is_all_defaults(write):
    assert load_config(write("# nothing yet\n")) == Config()


def test_an_override_wins_over_the_file_and_the_last_one_over_the_first(write):
    path = write("window: {cutoff: 2011-09-10, ltv_horizon: 100}")
    config = load_config(
        path, ["window.cutoff=2011-12-01", "window.cutoff=2011-12-02", "output.formats=[parquet, csv]"]
    )
    assert (config.cutoff, config.window.ltv_horizon) == (dt.date(2011, 12, 2), 100)
    assert config.output.formats == ("parquet", "csv")


def test_an_override_reaches_into_a_section_the_file_does_not_have(write):
    assert load_config(
        write(""), ["models.spend={name: gamma_gamma, params: {orders: repeat}}"]
    ).models.spend.params == {"orders": "repeat"}


def test_a_misspelt_override_is_reported_like_a_key_of_the_file(write):
    with pytest.raises(ConfigError, match=r"window\.cutof: unknown key; did you mean cutoff\?"):
        load_config(write(""), ["window.cutof=2011-09-10"])


@pytest.mark.parametrize("override", ["window.cutoff", "=3", "window..cutoff=3"])
def test_an_override_without_key_or_value_is_refused(override):
    with pytest.raises(ConfigError, match="expected KEY=VALUE"):
        overridden({}, override)


def test_an_override_below_a_value_says_what_stands_there():
    with pytest.raises(ConfigError, match=r"spend is 'gamma_gamma'; expected a section"):
        overridden({"models": {"spend": "gamma_gamma"}}, "models.spend.params={}")


def test_an_override_leaves_the_values_as_they_were():
    values = {"window": {"ltv_horizon": 1}}
    overridden(values, "window.ltv_horizon=2")
    assert values == {"window": {"ltv_horizon": 1}}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("window:\n  cutoff: [2011\nvalue: 1\n", "line 3"),
        ("window:\n\tcutoff: 1\n", "line 2, column 1"),
        ("value: {margin: 1}\nvalue: {margin: 2}\n", "line 2, column 1: the key value is there twice"),
    ],
)
def test_text_that_is_no_yaml_is_reported_with_its_line(text, place):
    with pytest.raises(ConfigError, match=rf"shop\.yaml, {place}"):
        parse_yaml(text, name="shop.yaml")


def test_a_tag_of_yaml_builds_no_object():
    with pytest.raises(ConfigError, match="could not determine a constructor"):
        parse_yaml("window: !!python/object/apply:os.getcwd []", name="shop.yaml")


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words"])
def test_a_file_without_keys_says_what_it_holds(text):
    with pytest.raises(ConfigError, match="expected sections"):
        parse_yaml(text, name="shop.yaml")


def test_a_missing_file_names_the_one_beside_it(write):
    path = write("", name="shop.yaml")
    with pytest.raises(ConfigError, match=r"did you mean shop\.yaml\?"):
        load_config(path.with_name("shp.yaml"))


def test_a_folder_is_no_configuration(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "shop.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not text in UTF-8"):
        load_config(tmp_path / "shop.yaml")


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_configurations_load(path):
    assert load_config(path).cutoff


def test_every_option_names_every_key_and_no_other():
    text = (CONFIGS / "every_option.yaml").read_text(encoding="utf-8")
    assert paths_in(parse_yaml(text, name="every_option.yaml")) == {key.path for key in keys_of(Config)}


def test_every_option_shows_the_defaults():
    config = load_config(CONFIGS / "every_option.yaml")
    unlike = {name: {"source", "columns"} for name in ("transactions", "products", "contacts", "customers")}
    unlike |= {"window": {"cutoff"}}
    assert config.model_dump(exclude=unlike) == Config().model_dump(exclude=unlike)


def paths_in(values: dict[str, object], prefix: str = "") -> set[str]:
    """Dotted paths, down to what the schema calls a value."""
    columns = {f"{name}.columns" for name in ("transactions", "products", "contacts", "customers")}
    of_outreach = ("channels", "queues", "caps.channel_7", "caps.channel_28", "cadence.dated", "tags.rules")
    values_of_the_schema = {"models.spend", *columns, *(f"outreach.{name}" for name in of_outreach)}
    paths = set()
    for key, value in values.items():
        paths.add(prefix + key)
        if isinstance(value, dict) and prefix + key not in values_of_the_schema:
            paths |= paths_in(value, f"{prefix}{key}.")
    return paths


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: &a [*a]", "within the value that it stands for"),
        (
            "a: &a [x,x,x,x]\n"
            + "".join(f"b{i}: &b{i} [{', '.join([f'*b{i - 1}' if i else '*a'] * 9)}]\n" for i in range(9)),
            "more than 20,000 values",
        ),
        ("[" * 5000, "nested more than 40 levels deep"),
        ("max_age: " + "1:" * 5000 + "1", "is no number"),
        ("max_age: " + "9" * 5000, "is no number"),
        ('{"output": {"dir": "\\ud800"}}', "line 1, column 20: '\\\\ud800' holds half of a letter"),
        ("window: {cutoff: 2011-02-30}", "line 1, column 18: 2011-02-30 is no date"),
        ("window: !!map 1", "expected keys with values"),
    ],
    ids=["itself", "aliases", "depth", "base_60", "digits", "half_a_letter", "february", "tag"],
)
def test_what_yaml_would_blow_up_or_stumble_over_is_a_fault_of_the_configuration(text, found):
    with pytest.raises(ConfigError, match=found):
        parse_yaml(text, name="shop.yaml")


def test_a_file_without_end_is_no_configuration():
    with pytest.raises(ConfigError, match="longer than 1,000,000 bytes"):
        load_config("/dev/zero")


def test_thousands_of_faults_are_counted_and_the_first_are_worded(write):
    with pytest.raises(ConfigError, match=r"^300 faults in the configuration:(?s:.*)\n  and 250 more") as caught:
        load_config(write("".join(f"k{i}: 1\n" for i in range(300))))
    assert len(caught.value.faults) == 50
