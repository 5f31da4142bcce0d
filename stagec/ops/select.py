"""Choosing between values element by element, and stopping derivatives.

A cotangent through a choice is masked, see `stagec.ops.masks`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from stagec.ir.core import Cost, Op
from stagec.ir.types import ArrayType, Kind, Type, broadcast_shapes
from stagec.ops.axes import align_last, dtype_of, plain_array
from stagec.ops.broadcast import align, fit
from stagec.ops.cast import astype, number_type, to_python
from stagec.ops.family import make
from stagec.ops.form import fit_tangent, joined, varies
from stagec.ops.masks import mask, masked
from stagec.ops.search import nonzero


def _infer(scalar: bool, cond: ArrayType, x: ArrayType, y: ArrayType) -> ArrayType:
    if cond.dtype.kind != "b":
        raise TypeError(f"where needs a boolean condition, got {cond}")
    shape = broadcast_shapes(cond.shape, x.shape, y.shape)
    kind: Kind = "array"
    if scalar and not shape:
        kind = "py" if x.weak and y.weak else "np"
        if x.weak and y.weak and x.dtype != y.dtype:
            raise TypeError(f"choose: {x} and {y} differ")
    return ArrayType(joined(x, y), shape, kind)


def _choose_value(cond: Any, x: Any, y: Any) -> Any:
    if np.ndim(cond) or np.ndim(x) or np.ndim(y):
        return np.where(cond, x, y)
    picked = x if cond else y
    if number_type(x).weak and number_type(y).weak:
        return picked
    return joined(number_type(x), number_type(y)).type(picked)


def _choose_source(cond: ArrayType, x: ArrayType, y: ArrayType) -> str:
    if cond.rank or x.rank or y.rank:
        return "np.where({0}, {1}, {2})"
    if x.kind == y.kind != "array" and x.dtype == y.dtype:
        return "{1} if {0} else {2}"
    return f"np.{joined(x, y).name}({{1}} if {{0}} else {{2}})"


def _vjp(ct: Any, out: Any, cond: Any, x: Any, y: Any) -> tuple[Any, ...]:
    def cotangent(operand: Any, keep: bool) -> Any:
        if not varies(operand) or dtype_of(out).kind not in "fc":
            return None
        return fit(masked(lambda body: mask(cond, body, keep=keep), ct), operand)

    return None, cotangent(x, True), cotangent(y, False)


def _jvp(op: Op, dxs: Any, out: Any, cond: Any, x: Any, y: Any) -> Any:
    _, dx, dy = dxs
    if dx is not None and dy is not None:
        return fit_tangent(op(cond, dx, dy), out)
    if dx is None and dy is None:
        return None
    return fit_tangent(mask(cond, dx if dy is None else dy, keep=dy is None), out)


def _choice(name: str, scalar: bool, **rules: Any) -> Op:
    op = make(
        name,
        infer=partial(_infer, scalar),
        vjp=_vjp,
        jvp=lambda *args: _jvp(op, *args),
        batch=lambda args, axes: (op(*align(args, axes)), 0),
        batch_last=lambda args, wide: op(*align_last(args, wide)),
        scalar="{1} if {0} else {2}",
        cost=Cost.CHEAP,
        **rules,
    )
    return op


def truth(cond: Any) -> Any:
    """The condition as booleans."""
    if dtype_of(cond).kind == "b":
        return cond
    if number_type(cond).weak:
        return to_python(cond, kind="bool")
    return astype(cond, dtype=np.dtype(bool))


def _where_call(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        found = nonzero(condition)
        return found if isinstance(found, tuple) else (found,)
    if x is None or y is None:
        raise TypeError("where: give both x and y, or neither")
    return where(truth(condition), x, y)


def _select_call(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist) or not condlist:
        raise TypeError("select: the lists of conditions and of choices must have one length")
    condlist, choicelist = ([plain_array(x) for x in xs] for xs in (condlist, choicelist))
    dtype = joined(*map(number_type, (*choicelist, default)))
    out = default
    for cond, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        if dtype_of(cond).kind != "b":
            raise TypeError("select: conditions must be boolean")
        out = where(cond, choice, out)
    return out if dtype_of(out) == dtype else astype(out, dtype=dtype)


where = _choice(
    "where",
    scalar=False,
    calls=((np.where, _where_call), (np.select, _select_call)),
    value=np.where,
    source="np.where({0}, {1}, {2})",
    any_width=False,  # Python's integers that do not fit a width wrap around here
)

# as `where`, but a number chosen from numbers is a number and not a 0-d array
choose = _choice(
    "choose",
    scalar=True,
    calls=(),
    value=_choose_value,
    source=_choose_source,
    any_width=True,
)


def _same_type(x: Type) -> Type:
    return x


stop_gradient = make(
    "stop_gradient",
    calls=(),
    infer=_same_type,
    value=lambda x: x,
    vjp=None,
    jvp=None,
    batch=lambda args, axes: (stop_gradient(args[0]), axes[0]),
    source="{}",
    scalar="{}",
    alias=0,
    cost=Cost.FREE,
)

OPS: tuple[Op, ...] = (where, choose, stop_gradient)
