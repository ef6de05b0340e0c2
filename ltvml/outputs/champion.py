"""What is served: `champion/` holds the promoted model, `bundle/` the last fit, `champions/` those that served before.

A champion is a whole bundle folder with the record of its promotion, put in place in one rename: a reader finds the
earlier model or the new one. A folder of an earlier release has no champion, and its last fit serves.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from ltvml.errors import BundleError, BusyError, ConfigError
from ltvml.run_directory import MANIFEST, manifest_of, reading, run_directory, write_json, write_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CHAMPION, CHALLENGER = "champion", "challenger"
NEWEST, EARLIER = "bundle", "champions"
BUNDLE_FILE, PROMOTION_FILE = "bundle.json", "promotion.json"
MOST_KEPT = 5
"""Earlier champions that are kept to roll back to."""
_LOST = "The promoted model of this folder is gone or cannot be read"
_RESTORE = (
    'Restore champion/ from champions/ or a backup, or `ltvml promote --force --reason "..."` serves the last fit.'
)


@dataclass(frozen=True)
class Promotion:
    """Why a model serves.

    Parameters
    ----------
    version : str
        Of the bundle.
    who, when, why : str
        A person or a command, an ISO time, and a sentence.
    before : str, optional
        Version of the champion that it replaced, and that a rollback brings back.
    forced : bool
        Whether it was promoted although the comparison spoke against it, or could not be made.
    comparison : dict
        What was measured; empty where nothing was compared.
    """

    version: str
    who: str
    when: str
    why: str
    before: str | None = None
    forced: bool = False
    comparison: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**values)


@dataclass(frozen=True)
class Standing:
    """Which model serves, and which one waits.

    Parameters
    ----------
    champion, newest : str or None
        Versions of the promoted model and of the last fit; None where there is none.
    champion_cutoff, newest_cutoff : str or None
        Their cutoffs.
    lost : bool
        Whether models were promoted here, and the one that should serve is gone or cannot be read.
    """

    champion: str | None = None
    newest: str | None = None
    champion_cutoff: str | None = None
    newest_cutoff: str | None = None
    lost: bool = False

    @property
    def waits(self) -> bool:
        """Whether the last fit is not the model that serves."""
        return self.champion is not None and self.newest is not None and self.newest != self.champion

    @property
    def words(self) -> str:
        """Which model serves, in a sentence."""
        if self.lost:
            return f"{_LOST}: nothing serves. {_RESTORE}"
        if self.champion is None:
            return "No model was promoted in this folder: the last fit serves." if self.newest else "Nothing is fitted."
        serves = f"The promoted model {self.champion} (cutoff {self.champion_cutoff}) serves"
        if not self.waits:
            return f"{serves}."
        return (
            f"{serves}; the last fit {self.newest} (cutoff {self.newest_cutoff}) is not used before `ltvml promote`, "
            "or with --model challenger."
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self) | {"challenger_waits": self.waits}


def served_folder(results: Path) -> Path:
    """The folder of the model that serves: the champion, or the last fit where none was promoted.

    Raises
    ------
    BundleError
        If models were promoted here, and the champion is gone: a fit that nobody compared does not take its place.
    """
    champion = results / CHAMPION
    with reading(champion):
        if champion.exists():
            return champion
        if _was_promoted(results):
            raise BundleError(f"{champion} is gone, though models were promoted here; expected it.", hint=_RESTORE)
        return results / NEWEST


def named_folder(results: Path, name: str) -> Path:
    """The folder that `champion` or `challenger` means.

    Raises
    ------
    ConfigError
        If there is no champion, or no fit that is not the champion.
    """
    standing = standing_of(results)
    if name == CHAMPION:
        if standing.lost:
            raise BundleError(f"{_LOST}: {results / CHAMPION}.", hint=_RESTORE)
        if standing.champion is None:
            raise ConfigError(f"{results} has no champion; expected {results / CHAMPION}.", hint="run `ltvml promote`.")
        return results / CHAMPION
    if not standing.waits:
        found = "the last fit is the champion" if standing.newest else "nothing is fitted there"
        raise ConfigError(f"{results} has no challenger: {found}.", hint="run `ltvml fit`, or leave --model out.")
    return results / NEWEST


def standing_of(results: Path) -> Standing:
    """Which model serves in a folder of results, and which one waits."""
    champion, newest = (_header(results / name) for name in (CHAMPION, NEWEST))
    lost = "version" not in champion and _was_promoted(results)
    return Standing(champion.get("version"), newest.get("version"), _cutoff(champion), _cutoff(newest), lost)


def promotion_of(champion: Path) -> Promotion:
    """The record of a champion's promotion.

    Raises
    ------
    BundleError
        If there is none, or it is damaged.
    """
    path = champion / PROMOTION_FILE
    try:
        with reading(champion):
            return Promotion.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BundleError(f"{path} cannot be read: {error}.", hint="run `ltvml promote` again.") from error


def promote_folder(results: Path, source: Path, promotion: Promotion) -> Promotion:
    """Copy a bundle folder to `champion/`, and the champion before it to `champions/<version>`.

    Parameters
    ----------
    results : Path
    source : Path
        A folder that `fit` or an earlier promotion wrote, or a fetched one.
    promotion : Promotion
        Its `before` is filled in.

    Returns
    -------
    Promotion

    Raises
    ------
    OutputError
        If a folder cannot be written; the earlier champion then serves on.
    BusyError
        If the folder holds another bundle by now, which nobody has compared; the earlier champion serves on.
    """
    before = standing_of(results).champion
    if before is not None and before != promotion.version:
        _keep(results, before)
    promotion = replace(promotion, before=before if before != promotion.version else promotion.before)
    _copy(source, results / CHAMPION, promotion)
    _forget_oldest(results, keep=promotion.before)
    return promotion


def earlier_champion(results: Path) -> tuple[Path, Promotion]:
    """The champion that a rollback brings back, with the record of its own promotion.

    Raises
    ------
    ConfigError
        If there is no champion, or none before it is kept.
    BundleError
        If it is lost.
    """
    champion = results / CHAMPION
    if standing_of(results).lost:
        raise BundleError(f"{_LOST}: {champion}.", hint=_RESTORE)
    if not champion.exists():
        raise ConfigError(f"{results} has no champion to roll back.", hint="run `ltvml promote` first.")
    before = promotion_of(champion).before
    folder = results / EARLIER / str(before)
    if before is None or not folder.exists():
        why = "it is the first" if before is None else f"{folder} is gone"
        raise ConfigError(f"there is no champion before {standing_of(results).champion}: {why}.")
    return folder, promotion_of(folder)


def roll_back(results: Path, *, who: str, why: str) -> Promotion:
    """Bring back the champion before this one.

    Raises
    ------
    ConfigError
        As `earlier_champion`.
    """
    folder, record = earlier_champion(results)
    left = str(standing_of(results).champion)
    _keep(results, left)
    promotion = replace(record, who=who, when=now(), why=why, forced=False, comparison={"rolled_back_from": left})
    _copy(folder, results / CHAMPION, promotion)
    return promotion


def _was_promoted(results: Path) -> bool:
    champion = results / CHAMPION
    return champion.exists() or any((results / EARLIER).glob(f"[!.]*/{PROMOTION_FILE}"))


def now() -> str:
    """The present moment, in UTC."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _keep(results: Path, version: str) -> None:
    """Keep the champion under its version."""
    champion = results / CHAMPION
    _copy(champion, results / EARLIER / version, promotion_of(champion))


def _copy(source: Path, target: Path, promotion: Promotion) -> None:
    with run_directory(target, kind=CHAMPION) as staging:
        # not around it: to put the copy in place takes the lock that readers share
        with reading(source):
            known = {key: value for key, value in manifest_of(source).items() if key not in ("format", "kind", "files")}
            shutil.copytree(source, staging, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST, ".*"))
        _refuse_replaced(source, _header(staging).get("version"), promotion.version)
        write_json(staging / PROMOTION_FILE, promotion.to_dict())
        write_manifest(staging, CHAMPION, known)


def _refuse_replaced(source: Path, found: str | None, expected: str) -> None:
    """Refuse a bundle that took the place of the one that was compared: a fit may end while models are compared."""
    if found != expected:
        raise BusyError(
            f"{source} holds the bundle {found}, and {expected} was to be promoted: another run has replaced it "
            "meanwhile. Nothing was promoted.",
            hint="run `ltvml promote` again.",
        )


def _forget_oldest(results: Path, *, keep: str | None) -> None:
    """Remove the champions that were promoted longest ago, beyond those that are kept."""
    kept = [path for path in (results / EARLIER).glob("[!.]*") if (path / PROMOTION_FILE).exists()]
    for path in sorted(kept, key=lambda path: promotion_of(path).when)[:-MOST_KEPT]:
        if path.name != keep:
            shutil.rmtree(path, ignore_errors=True)


def _header(folder: Path) -> dict[str, Any]:
    """The first file of a bundle; empty where there is none that can be read, which its reader then says."""
    try:
        with reading(folder):
            values = json.loads((folder / BUNDLE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _cutoff(header: Mapping[str, Any]) -> str | None:
    window = header.get("window")
    return str(window["cutoff"]) if isinstance(window, dict) and "cutoff" in window else None
