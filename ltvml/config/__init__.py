"""One configuration drives every command: YAML in, frozen sections of names and numbers out."""

from ltvml.config.document import Config
from ltvml.config.loading import load_config
from ltvml.config.section import Section
from ltvml.config.sections import (
    AUTO,
    BacktestSettings,
    EngineSettings,
    ModelChoice,
    ModelSettings,
    OutputSettings,
    SearchSettings,
    TrackingSettings,
    TransactionSettings,
    ValueSettings,
    WindowSettings,
    models_by_name,
)

__all__ = [
    "AUTO",
    "BacktestSettings",
    "Config",
    "EngineSettings",
    "ModelChoice",
    "ModelSettings",
    "OutputSettings",
    "SearchSettings",
    "Section",
    "TrackingSettings",
    "TransactionSettings",
    "ValueSettings",
    "WindowSettings",
    "load_config",
    "models_by_name",
]
