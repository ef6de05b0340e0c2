"""A user's own tags: expressions over columns, read by a parser of their own and never by the interpreter.

Allowed: names of columns, numbers, texts, `True`, `False`, `== != < <= > >=` (also chained), `and or not`, `+ - * /`,
parentheses, and `days_since(date)` and `days_until(date)`, counted at the cutoff. Other calls, attributes, indices and
anything else are refused. A comparison with a null is false; a division
by zero is null; a date is compared with an ISO text.
"""

from __future__ import annotations

import ast
import operator
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from ltvml.errors import ConfigError
from ltvml.nearest import no_such_column
from ltvml.window import day_number, days_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

Kind = Literal["number", "text", "truth", "date"]
KEY = "tags.rules"
LONGEST, DEEPEST = 500, 40
_LARGEST = 1e300
_ALLOWED = (
    "names of columns, numbers, texts, comparisons, and, or, not, + - * /, parentheses, days_since(date) and "
    "days_until(date)"
)
_SIGN = {"days_since": 1.0, "days_until": -1.0}
_CUTOFF = "cutoff"

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_EQUALITY: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {ast.Eq: operator.eq, ast.NotEq: operator.ne}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = _EQUALITY | {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True, eq=False)
class _Values:
    """A column or a constant: its values, and where they are known; arrays of shape (n,) or ()."""

    data: NDArray[Any]
    known: NDArray[np.bool_]


class _RefusedError(Exception):
    """What is wrong with one part of an expression."""


def user_tags(
    customers: pd.DataFrame, rules: Mapping[str, str], *, taken: Iterable[str] = (), key: str = KEY
) -> pd.DataFrame:
    """Each rule as a column of true and false.

    Parameters
    ----------
    customers : frame
        One row a customer; its columns are the names that expressions may use.
    rules : mapping of str to str
        Name of the tag -> expression.
    taken : iterable of str
        Names that a tag may not have, besides those of the columns.
    key : str
        Of the configuration, for messages.

    Returns
    -------
    frame of bool
        One column a rule, with the index of `customers`.

    Raises
    ------
    ConfigError
        If a rule cannot be used; the faults of all rules together, with the nearest name for a missing column.

    Examples
    --------
    >>> frame = pd.DataFrame({"n_orders": [1, 4], "rfm_segment": ["new", "champion"]})
    >>> user_tags(frame, {"core": "n_orders >= 3 and rfm_segment == 'champion'"})["core"].tolist()
    [False, True]
    """
    if found := rule_faults(customers, rules, taken=taken, key=key):
        raise ConfigError("\n".join(found), hint=f"an expression may hold {_ALLOWED}.")
    trees = {name: _tree(expression) for name, expression in rules.items()}
    columns = {name: _column(customers, name) for name in _names(trees.values())}
    dates = {name for name in columns if name in customers and _kind_of(customers[name]) == "date"}
    flags = {name: _true_for(tree, columns, dates, len(customers)) for name, tree in trees.items()}
    return pd.DataFrame(flags, index=customers.index)


def rule_faults(
    customers: pd.DataFrame, rules: Mapping[str, str], *, taken: Iterable[str] = (), key: str = KEY
) -> list[str]:
    """Everything that is wrong with the rules, in words; empty where nothing is. Parameters as in `user_tags`."""
    kinds = {str(name): _kind_of(customers[name]) for name in customers.columns}
    # a rule of tags makes a column of its name, one of items does not
    names = {*kinds, *taken} if key == KEY else set()
    found = []
    for name, expression in rules.items():
        faults = [f"'{name}' is the name of a column already; expected a new one."] if name in names else []
        faults += _expression_faults(expression, kinds)
        found += [f"{key}.{name}: {fault}" for fault in faults]
    return found


def _expression_faults(expression: str, kinds: Mapping[str, Kind]) -> list[str]:
    try:
        tree = _tree(expression)
    except _RefusedError as refused:
        return [str(refused)]
    faults: list[str] = []
    kind = _checked(tree, kinds, faults)
    if not faults and kind != "truth":
        faults.append(f"'{expression}' is a {kind}; expected true or false, for example a comparison.")
    return list(dict.fromkeys(faults))


def _tree(expression: str) -> ast.expr:
    if len(expression) > LONGEST:
        raise _RefusedError(f"the expression has {len(expression)} characters; expected at most {LONGEST}.")
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _RefusedError(f"'{expression}' cannot be read; expected {_ALLOWED}.") from None
    if _depth(tree) > DEEPEST:
        raise _RefusedError(f"the expression is nested more than {DEEPEST} deep; expected a simpler one.")
    tree = _DaysAsNames().visit(tree)
    assert isinstance(tree, ast.expr)
    return tree


class _DaysAsNames(ast.NodeTransformer):
    """`days_since(x)` as one name, that of a column of numbers."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """The name, where the call is one of the two with the name of a column alone."""
        known = isinstance(node.func, ast.Name) and node.func.id in _SIGN
        alone = len(node.args) == 1 and isinstance(node.args[0], ast.Name) and not node.keywords
        return ast.Name(id=ast.unparse(node), ctx=ast.Load()) if known and alone else node


def _date_within(name: str) -> tuple[float, str] | None:
    """Sign and column of `days_since(x)` or `days_until(x)`; None for the name of a column."""
    call, bracket, rest = name.partition("(")
    return (_SIGN[call], rest.removesuffix(")")) if bracket and call in _SIGN else None


def _depth(tree: ast.expr) -> int:
    """Levels of the tree, counted without recursion."""
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        level, depth = [child for node in level for child in ast.iter_child_nodes(node)], depth + 1
    return depth


def _names(trees: Iterable[ast.expr]) -> set[str]:
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _checked(node: ast.expr, kinds: Mapping[str, Kind], faults: list[str]) -> Kind | None:
    """Kind of a part; None, and its faults added, where it has none."""
    match node:
        case ast.Name(id=name) if (within := _date_within(name)) is not None:
            return _checked_days(within[1], name, kinds, faults)
        case ast.Name(id=name):
            if name not in kinds:
                faults.append(no_such_column(name, kinds))
            return kinds.get(name)
        case ast.Constant(value=value):
            return _kind_of_constant(value, faults)
        case ast.BoolOp(values=values):
            return _expect("truth", values, kinds, faults, "truth")
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _expect("truth", [operand], kinds, faults, "truth")
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _expect("number", [operand], kinds, faults, "number")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _expect("number", [left, right], kinds, faults, "number")
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _COMPARISONS for op in ops):
            return _checked_comparison([left, *others], ops, kinds, faults)
    faults.append(f"'{ast.unparse(node)}' is not allowed; expected {_ALLOWED}.")
    return None


def _checked_days(column: str, call: str, kinds: Mapping[str, Kind], faults: list[str]) -> Kind | None:
    for name in (column, _CUTOFF):
        if name not in kinds:
            faults.append(no_such_column(name, kinds))
        elif kinds[name] != "date":
            faults.append(f"'{name}' is a {kinds[name]}; expected a date in {call}.")
    return "number" if {kinds.get(column), kinds.get(_CUTOFF)} == {"date"} else None


def _kind_of_constant(value: object, faults: list[str]) -> Kind | None:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float) and abs(value) < _LARGEST:
        return "number"
    faults.append(f"'{value!r:.40}' is not allowed; expected a number or a text.")
    return None


def _expect(
    wanted: Kind, parts: Iterable[ast.expr], kinds: Mapping[str, Kind], faults: list[str], result: Kind
) -> Kind | None:
    found = [(part, _checked(part, kinds, faults)) for part in parts]
    faults += [
        f"'{ast.unparse(part)}' is a {kind}; expected a {wanted} there."
        for part, kind in found
        if kind not in (None, wanted)
    ]
    return result if all(kind == wanted for _, kind in found) else None


def _checked_comparison(
    parts: list[ast.expr], ops: list[ast.cmpop], kinds: Mapping[str, Kind], faults: list[str]
) -> Kind | None:
    found = [_checked(part, kinds, faults) for part in parts]
    if None in found:
        return None
    pairs = zip(zip(parts, found, strict=True), zip(parts[1:], found[1:], strict=True), ops, strict=False)
    wrong = [fault for left, right, op in pairs if (fault := _comparison_fault(left, right, op))]
    faults += wrong
    return None if wrong else "truth"


def _comparison_fault(left: tuple[ast.expr, Any], right: tuple[ast.expr, Any], op: ast.cmpop) -> str | None:
    """Why two parts cannot be compared; None where they can."""
    words = f"'{ast.unparse(left[0])}' ({left[1]}) and '{ast.unparse(right[0])}' ({right[1]})"
    if {left[1], right[1]} == {"date", "text"}:
        text = next(part for part, kind in (left, right) if kind == "text")
        return None if _is_iso_date(text) else f"{words} cannot be compared; expected a date as 'YYYY-MM-DD'."
    if left[1] != right[1]:
        return f"{words} cannot be compared; expected the same kind on both sides."
    if left[1] in ("text", "truth") and type(op) not in _EQUALITY:
        return f"{words} have no order; expected == or !=."
    return None


def _is_iso_date(node: ast.expr) -> bool:
    if not isinstance(node, ast.Constant):
        return False
    try:
        day_number(str(node.value))
    except ConfigError:
        return False
    return True


def _kind_of(column: pd.Series) -> Kind:
    if pd.api.types.is_bool_dtype(column.dtype):
        return "truth"
    if pd.api.types.is_numeric_dtype(column.dtype):
        return "number"
    # to look at the values makes an object of Python of every text
    if isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype):
        return "text"
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "boolean":
        return "truth"
    return "date" if kind in ("date", "datetime", "datetime64") else "text"


def _column(customers: pd.DataFrame, name: str) -> _Values:
    """A column, or the days between one of dates and the cutoff."""
    within = _date_within(name)
    if within is None:
        return _values(customers[name])
    sign, column = within
    date, cutoff = _values(customers[column]), _values(customers[_CUTOFF])
    return _Values(sign * (cutoff.data - date.data), date.known & cutoff.known)


def _values(column: pd.Series) -> _Values:
    known = column.notna().to_numpy(dtype=bool)
    match _kind_of(column):
        case "number":
            return _Values(column.to_numpy(dtype=float, na_value=np.nan), known)
        case "date":
            return _Values(days_of(column.to_numpy()), known)
        case "truth":
            return _Values(column.astype("boolean").fillna(False).to_numpy(dtype=bool), known)
        case _:
            return _Values(column.astype("object").where(known, "").to_numpy(dtype=object), known)


def _true_for(tree: ast.expr, columns: Mapping[str, _Values], dates: set[str], n: int) -> NDArray[np.bool_]:
    value = _evaluated(tree, columns, dates)
    return np.array(np.broadcast_to(value.data.astype(bool) & value.known, (n,)))


def _evaluated(node: ast.expr, columns: Mapping[str, _Values], dates: set[str]) -> _Values:
    """The values of a part that `_checked` found sound."""

    def value(part: ast.expr) -> _Values:
        return _evaluated(part, columns, dates)

    def truth(part: ast.expr) -> NDArray[np.bool_]:
        found = value(part)
        return found.data.astype(bool) & found.known

    match node:
        case ast.Name(id=name):
            return columns[name]
        case ast.Constant(value=constant):
            return _certain(np.asarray(constant, dtype=object if isinstance(constant, str) else None))
        case ast.BoolOp(op=op, values=parts):
            join = np.logical_and if isinstance(op, ast.And) else np.logical_or
            return _certain(np.asarray(reduce(join, [truth(part) for part in parts])))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _certain(~truth(operand))
        case ast.UnaryOp(op=op, operand=operand):
            inner = value(operand)
            return _Values(-inner.data if isinstance(op, ast.USub) else inner.data, inner.known)
        case ast.BinOp(left=left, op=op, right=right):
            return _calculated(_ARITHMETIC[type(op)], value(left), value(right))
        case ast.Compare(left=left, ops=ops, comparators=others):
            parts = [left, *others]
            has_date = any(isinstance(part, ast.Name) and part.id in dates for part in parts)
            sides = [_day(part) if has_date and isinstance(part, ast.Constant) else value(part) for part in parts]
            steps = zip(ops, sides, sides[1:], strict=False)
            return _certain(reduce(np.logical_and, [_compared(_COMPARISONS[type(op)], a, b) for op, a, b in steps]))
    raise AssertionError(f"{ast.unparse(node)} was not checked")


def _certain(data: NDArray[Any]) -> _Values:
    return _Values(data, np.ones(data.shape, dtype=bool))


def _day(constant: ast.Constant) -> _Values:
    return _certain(np.asarray(float(day_number(str(constant.value)))))


def _calculated(step: Callable[[Any, Any], Any], left: _Values, right: _Values) -> _Values:
    with np.errstate(all="ignore"):  # what overflows or divides by zero is null below
        data = np.asarray(step(np.asarray(left.data, dtype=float), np.asarray(right.data, dtype=float)))
    return _Values(data, left.known & right.known & np.isfinite(data))


def _compared(step: Callable[[Any, Any], Any], left: _Values, right: _Values) -> NDArray[np.bool_]:
    return np.asarray(step(left.data, right.data)).astype(bool) & left.known & right.known
