"""What every section of the configuration shares: frozen, no unknown key, faults as `ConfigError`."""

from __future__ import annotations

from types import NoneType
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ltvml.config.faults import config_error
from ltvml.passwords import without_passwords


class Section(BaseModel):
    """A group of keys.

    A new section is one subclass, and one field of `Config`: loading, overrides, suggestions, the JSON schema and
    `ltvml config show` follow from the fields. A docstring below a field is its description in the schema. A key left
    empty is a key left out, unless null is among its values.

    Raises
    ------
    ConfigError
        From the constructor and `model_validate`, with all faults and their paths.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise config_error(error, type(self)) from None

    # pydantic then validates nested sections directly, and their faults keep their paths
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """A section from a dictionary; see `pydantic.BaseModel.model_validate`."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise config_error(error, cls) from None

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, values: Any) -> Any:
        """`values` less the keys that hold nothing: in YAML, a section whose lines are all comments."""
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if value is not None or cls._takes_null(key)}

    @classmethod
    def _takes_null(cls, key: str) -> bool:
        """Whether null is among the values of a key; an unknown key is let through, to be refused by its name."""
        return key not in cls.model_fields or NoneType in get_args(cls.model_fields[key].annotation)

    def to_dict(self) -> dict[str, Any]:
        """All keys with their values, ready for JSON or YAML; passwords in addresses are masked."""
        masked: dict[str, Any] = without_passwords(self.model_dump(mode="json"))
        return masked
