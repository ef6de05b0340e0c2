"""Commands about the configuration itself: config show, config schema."""

import json
import textwrap
from typing import TYPE_CHECKING, Any

import typer

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Debug, Overrides, Quiet
from ltvml.cli.session import Document, read_config, session

if TYPE_CHECKING:
    from ltvml.config.faults import Key

WIDTH = 80

group = typer.Typer(
    help="Show the configuration with its defaults, or list every key.", rich_markup_mode=None, no_args_is_help=True
)


@group.command(epilog=examples("ltvml config show", "ltvml config show --set window.ltv_horizon=730 --json"))
def show(
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Check the configuration and print it with all defaults filled in."""
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        values = read_config(config, overrides).to_dict()
        job.show(Document(values, as_yaml(values)))


@group.command(epilog=examples("ltvml config schema", "ltvml config schema --json > ltvml.schema.json"))
def schema(as_json: AsJson = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """List every key with its default and meaning.

    With --json, prints the JSON Schema.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        from ltvml.config import Config
        from ltvml.config.faults import keys_of

        job.show(Document(Config.model_json_schema(), "\n".join(described(key) for key in keys_of(Config))))


def as_yaml(values: dict[str, Any]) -> str:
    """`values` as YAML, in their own order."""
    import yaml

    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True)).rstrip()


def described(key: "Key") -> str:
    """A key with its default, and its meaning below; a section is a heading without a default."""
    if key.is_section:
        return f"\n{filled(f'{key.path}:  {key.meaning}')}"
    meaning = textwrap.indent(textwrap.fill(key.meaning, WIDTH - 4), "    ")
    return f"{filled(f'{key.path} = {json.dumps(key.default, ensure_ascii=False)}')}\n{meaning}"


def filled(line: str) -> str:
    """`line`, broken where it is too long; its other lines are indented further than a meaning."""
    return textwrap.fill(line, WIDTH, subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False)
