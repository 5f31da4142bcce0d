"""Functions of the math module that have no NumPy counterpart: Python numbers in and out.

They take several numbers, or integers only; a batch of them is computed by NumPy's means.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Cost, Op
from stagec.ir.types import BOOL, FLOAT, INT, ArrayType
from stagec.ops.arithmetic import multiply, subtract
from stagec.ops.axes import dtype_of
from stagec.ops.broadcast import align
from stagec.ops.cast import fit_dtype
from stagec.ops.family import Calls, constant, make, static
from stagec.ops.form import elementwise
from stagec.ops.rounding import rint
from stagec.ops.trigonometric import hypot, leaning


def _items(values: Any) -> list[Any]:
    if not isinstance(values, list | tuple):
        raise TypeError("expected a list or tuple of numbers")
    return list(values)


# --- several real numbers ------------------------------------------------------------------


def _several(
    name: str,
    function: Callable[..., float],
    calls: Calls,
    slope: Callable[..., Any],
    pair: Callable[..., Any],
    source: str,
) -> Op:
    """A function of numbers with partial derivatives `slope(out, x)`.

    `pair` folds it over arrays; `source` has one place for all operands.
    """

    def infer(*xs: ArrayType) -> ArrayType:
        if any(x.rank or x.dtype.kind == "c" for x in xs):
            raise TypeError(f"{name} needs real numbers")
        return FLOAT

    def vjp(ct: Any, out: Any, *xs: Any) -> tuple[Any, ...]:
        return tuple(
            fit_dtype(ct * slope(out, x), dtype_of(x)) if dtype_of(x).kind == "f" else None
            for x in xs
        )

    def jvp(dxs: Any, out: Any, *xs: Any) -> Any:
        terms = [slope(out, x) * dx for dx, x in zip(dxs, xs, strict=True) if dx is not None]
        return fit_dtype(reduce(lambda a, b: a + b, terms), FLOAT.dtype)

    def batch(args: Any, axes: Any) -> tuple[Any, int]:
        doubles = (fit_dtype(x, FLOAT.dtype) for x in align(args, axes))
        return reduce(pair, doubles, 0.0), 0

    return make(
        name,
        calls=calls,
        infer=infer,
        value=function,
        vjp=vjp,
        jvp=jvp,
        batch=batch,
        source=lambda *xs: source.format(", ".join(["{}"] * len(xs))),
        may_raise=(OverflowError,),
        cost=Cost.CHEAP,
    )


def _distance(p: Any, q: Any) -> Any:
    pairs = zip(_items(p), _items(q), strict=True)
    return math_hypot(*(subtract(a, b) for a, b in pairs))


math_hypot = _several(
    "math.hypot",
    math.hypot,
    ((math.hypot, lambda *coordinates: math_hypot(*coordinates)), (math.dist, _distance)),
    slope=lambda out, x: leaning(x, out),
    pair=lambda a, b: hypot(a, b),
    source="math.hypot({})",
)

math_fsum = _several(
    "math.fsum",
    lambda *xs: math.fsum(xs),
    ((math.fsum, lambda seq: math_fsum(*_items(seq))),),
    slope=lambda out, x: 1.0,
    pair=lambda a, b: a + b,
    source="math.fsum([{}])",
)


def _product(iterable: Any, *, start: Any = 1) -> Any:
    return reduce(multiply, _items(iterable), start)


# the difference to the nearest multiple of the second operand
ieee_remainder = elementwise(
    "ieee_remainder",
    np.fmod,
    "{0} - {1} * np.rint({0} / {1})",
    run=lambda x, y: x - y * np.rint(x / y),
    math=math.remainder,
    may_raise=(ValueError,),
    calls=((math.prod, _product),),
    vjp=(lambda ct, z, x, y: ct, lambda ct, z, x, y: -ct * rint((x - z) / y)),
    jvp=(lambda dx, z, x, y: dx, lambda dy, z, x, y: -(rint((x - z) / y) * dy)),
)

# --- integers ------------------------------------------------------------------------------


def _whole(name: str) -> Op:
    """A function of integers; arrays of them have none."""
    function = getattr(math, name)

    def infer(*xs: ArrayType) -> ArrayType:
        if any(x.rank or x.dtype.kind not in "biu" for x in xs):
            raise TypeError(f"math.{name} needs integers")
        return INT

    op = constant(
        f"math.{name}",
        calls=((function, lambda *args: op(*args)),),
        infer=infer,
        value=function,
        batch=None,
        source=lambda *xs: f"math.{name}({', '.join(['{}'] * len(xs))})",
        scalar=LIBRARY,
        may_raise=(ValueError,),
        cost=Cost.CHEAP,
    )
    return op


factorial = _whole("factorial")
comb = _whole("comb")
perm = _whole("perm")
isqrt = _whole("isqrt")

# --- comparison ----------------------------------------------------------------------------


def _close_infer(a: ArrayType, b: ArrayType, **tolerances: float) -> ArrayType:
    if a.rank or b.rank or "c" in (a.dtype.kind, b.dtype.kind):
        raise TypeError("math.isclose needs real numbers")
    return BOOL


def _close_call(a: Any, b: Any, *, rel_tol: Any = 1e-9, abs_tol: Any = 0.0) -> Any:
    return math_isclose(
        a,
        b,
        rel_tol=float(static(rel_tol, "rel_tol")),
        abs_tol=float(static(abs_tol, "abs_tol")),
    )


def _close_source(a: ArrayType, b: ArrayType, *, rel_tol: float, abs_tol: float) -> str:
    text = "math.isclose({}, {}"
    text += f", rel_tol={rel_tol}" if rel_tol != 1e-9 else ""
    return text + (f", abs_tol={abs_tol})" if abs_tol else ")")


math_isclose = constant(
    "math.isclose",
    calls=((math.isclose, _close_call),),
    infer=_close_infer,
    value=math.isclose,
    batch=None,
    source=_close_source,
    scalar=LIBRARY,
    cost=Cost.CHEAP,
)

OPS: tuple[Op, ...] = (
    *(math_hypot, math_fsum, ieee_remainder, factorial, comb, perm, isqrt, math_isclose),
)
