"""Configurations of any text through the command line: each is read, or one fault with exit code 2, within seconds."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ltvml.cli.app import app
from ltvml.config import Config
from ltvml.config.faults import keys_of

SEED, FILES, OVERRIDES = 10, 60, 250
LONGEST = 10.0
EVERY_OPTION = Path(__file__).resolve().parents[2] / "configs" / "every_option.yaml"
KEYS = [key.path for key in keys_of(Config)]
VALUES = [
    "null",
    "true",
    "-1",
    "0",
    "1.5",
    "1e400",
    ".inf",
    ".nan",
    "99999999999999999999999999",
    "2011-02-30",
    "9999-12-31",
    "0001-01-01",
    "banana",
    "''",
    "[]",
    "{}",
    "~",
    "=",
    "[a,a]",
    "[[1]]",
    "{1:2}",
    "{null:1}",
    "!!set{a}",
    "!!binary{}",
    "0x10",
    "1:30",
    "on",
    "'*'",
    "&a[*a]",
    "2011-01-01T00:00:00Z",
    "!!int",
    "x",
    "!!map",
    "1",
    '"\\uD800"',
    "a\x00b",
    "<<:1",
    "{?[a]:1}",
    "{points:banana}",
    "[1,x,{}]",
    "{a:1e999}",
]
PIECES = (
    "&a",
    "*a",
    "<<:",
    "!!",
    "? ",
    ": ",
    "[",
    "}",
    "'",
    '"',
    "|\n",
    "\t",
    "\x00",
    "\ufeff",
    "\x85",
    "--- \n",
    "@",
    "9" * 5000,
)


def mutated(text: str, chance: random.Random) -> str:
    """`text` with a few pieces put in, taken out or repeated."""
    for _ in range(chance.randint(1, 6)):
        place, length = chance.randrange(len(text)), chance.randint(1, 40)
        within = chance.choice((chance.choice(PIECES), "", text[place : place + length]))
        text = text[:place] + within + text[place + (length if not within else 0) :]
    return text


def assert_read_or_refused(*options: str) -> None:
    began = time.monotonic()
    result = CliRunner().invoke(app, ["config", "show", "--json", *options])
    assert result.exit_code in (0, 2), result.stderr
    assert "Traceback" not in result.stderr
    assert time.monotonic() - began < LONGEST


def test_every_key_takes_or_refuses_every_odd_value(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text("window: {cutoff: 2011-09-10}\n", encoding="utf-8")
    chance = random.Random(SEED)
    for _ in range(OVERRIDES):
        assert_read_or_refused("--config", str(path), "--set", f"{chance.choice(KEYS)}={chance.choice(VALUES)}")


@pytest.mark.parametrize("seed", range(3))
def test_a_mutated_file_is_read_or_refused(tmp_path, seed):
    path, text = tmp_path / "shop.yaml", EVERY_OPTION.read_text(encoding="utf-8")
    chance = random.Random(seed)
    for _ in range(FILES // 3):
        path.write_text(mutated(text, chance), encoding="utf-8", errors="surrogatepass")
        assert_read_or_refused("--config", str(path))
