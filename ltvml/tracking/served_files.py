"""What is logged with a served model besides the bundle: the model file, the source of ltvml, the requirements."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltvml.bundle.bundle import Bundle

PACKAGE = Path(__file__).parents[1]
SCORING_PACKAGES = ("numpy", "pandas", "scipy")
MODEL_PACKAGES = ("lifetimes", "lightgbm")
# a zip cannot hold an earlier year, and one date keeps the bytes the same
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class ServedFiles:
    """What MLflow is given, in one staging folder: it writes the paths it was given into the model."""

    model: Path
    bundle: Path
    source: Path
    requirements: tuple[str, ...]


def served_files(bundle: Bundle, staging: Path) -> ServedFiles:
    """Write what the served model needs into `staging`.

    Parameters
    ----------
    bundle : Bundle
        Written anew: the folder of a fit also holds its manifest, which names the place of the data.
    staging : Path
        An existing folder.

    Returns
    -------
    ServedFiles
    """
    model = shutil.copyfile(Path(__file__).with_name("served_model.py"), staging / "served_model.py")
    texts = staging / "bundle"
    bundle.save(texts)
    return ServedFiles(model, texts, write_source(staging / "ltvml.zip"), requirements(texts))


def write_source(archive: Path) -> Path:
    """Write every Python file of ltvml, without its data, into an archive.

    ltvml may come from no index at all, and the code that fitted a model is the code that should score it.
    """
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as source:
        for path in sorted(PACKAGE.rglob("*.py")):
            name = Path(PACKAGE.name, path.relative_to(PACKAGE)).as_posix()
            source.writestr(zipfile.ZipInfo(name, _DATE), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return archive


def requirements(bundle: Path) -> tuple[str, ...]:
    """Name what a saved bundle needs to score, in the installed versions, for example `numpy==2.4.0`."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(bundle.rglob("*")) if path.is_file())
    packages = (*SCORING_PACKAGES, *(package for package in MODEL_PACKAGES if package in text))
    return tuple(f"{package}=={version(package)}" for package in packages)
