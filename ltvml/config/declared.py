"""Sections declared below the configuration, as frozen dataclasses: the fields are the keys."""

from __future__ import annotations

import ast
import inspect
from dataclasses import MISSING, fields, is_dataclass
from itertools import pairwise
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_type_hints

from pydantic import ConfigDict, Field, create_model
from pydantic_core import core_schema

from ltvml.config.faults import DECLARED
from ltvml.config.fields import Name, Names, Number, Whole
from ltvml.config.section import Section

if TYPE_CHECKING:
    import dataclasses

    from pydantic import BaseModel, GetCoreSchemaHandler, SerializationInfo, ValidatorFunctionWrapHandler

CHECKED: dict[Any, Any] = {bool: bool, int: Whole, float: Number, str: Name, tuple[str, ...]: Names}


class _Keys(Section):
    """Keys whose meanings are given: pydantic would look for them in the source of every module that is loaded."""

    model_config = ConfigDict(use_attribute_docstrings=False)


class _Declared:
    """Mark of a key that holds a frozen dataclass: read as a section of its fields, then made the dataclass."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        section = section_of(source)

        def read(value: Any, inner: ValidatorFunctionWrapHandler) -> Any:
            return value if isinstance(value, source) else source(**dict(inner(value)))

        def write(value: Any, info: SerializationInfo) -> dict[str, Any]:
            return section.model_construct(**vars(value)).model_dump(mode=info.mode)

        return core_schema.no_info_wrap_validator_function(
            read,
            handler.generate_schema(section),
            serialization=core_schema.plain_serializer_function_ser_schema(write, info_arg=True),
        )


T = TypeVar("T")
KeysOf = Annotated[T, _Declared()]


def section_of(settings: type) -> type[BaseModel]:
    """The section whose keys are the fields of a frozen dataclass, with the docstring below each as its meaning.

    Examples
    --------
    >>> from ltvml.outreach.settings import Fatigue
    >>> section_of(Fatigue).model_fields["half_life"].description
    'Days after which a contact counts half as much.'
    """
    if settings not in DECLARED:
        types, meanings = get_type_hints(settings), _meanings(settings)
        keys: dict[str, Any] = {
            one.name: (_checked(types[one.name]), _key(one, meanings[one.name])) for one in fields(settings)
        }
        DECLARED[settings] = create_model(settings.__name__, __base__=_Keys, __doc__=settings.__doc__, **keys)
    return DECLARED[settings]


def section_if_given(settings: type) -> Any:
    """As `section_of`, with null for each key that is not given: then the defaults of the dataclass do not apply."""
    types, meanings = get_type_hints(settings), _meanings(settings)
    keys: dict[str, Any] = {
        one.name: (_checked(types[one.name]) | None, Field(default=None, description=meanings[one.name]))
        for one in fields(settings)
    }
    return create_model(settings.__name__, __base__=Section, **keys)


def _checked(declared: Any) -> Any:
    """The type of the key: numbers refuse true and false, names are not empty and not repeated."""
    if is_dataclass(declared):
        return Annotated[declared, _Declared()]
    if declared in CHECKED:
        return CHECKED[declared]
    if NoneType in get_args(declared):
        return _checked(next(kind for kind in get_args(declared) if kind is not NoneType)) | None
    keys, values = get_args(declared)
    return dict[_checked(keys), _checked(values)]  # type: ignore[misc]


def _key(one: dataclasses.Field[Any], meaning: str) -> Any:
    """Default, meaning and bounds of a key; the bounds are the metadata of the field."""
    default: dict[str, Any] = {"default": one.default, "default_factory": one.default_factory}
    given = {name: value for name, value in default.items() if value is not MISSING}
    return Field(description=meaning, **given, **one.metadata)


def _meanings(settings: type) -> dict[str, str]:
    """Field: the docstring below it."""
    body = ast.parse(inspect.getsource(settings)).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(body.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }
