"""Constructors of op families: what all members share is written here once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from stagec.ir.core import Cost, Effect, Op
from stagec.ir.types import BOOL, COMPLEX, FLOAT, INT, ArrayType, broadcast_shapes
from stagec.ops.broadcast import broadcast_like, fit

Rule = Callable[..., Any] | None
PYTHON = {bool: BOOL, int: INT, float: FLOAT, complex: COMPLEX}
SAMPLES = {"b": True, "i": 3, "f": 0.5, "c": 0.5j}
WEAK = {"b": bool, "i": int, "f": float, "c": complex}


def elementwise(
    name: str,
    ufunc: Any,
    source: str,
    *,
    vjp: tuple[Rule, ...] | None,
    jvp: tuple[Rule, ...] | None,
    scalar: str | None = None,
    python: Callable[..., Any] | None = None,
    math: Any = None,
    also: tuple[Any, ...] = (),
    may_raise: tuple[type[BaseException], ...] = (),
    cost: Cost = Cost.CHEAP,
    rewrites: tuple[Callable[..., Any], ...] = (),
) -> Op:
    """An op computed element by element with broadcasting.

    `vjp` has one rule (ct, out, *args) -> cotangent per operand, and `jvp` one rule
    (tangent, out, *args) -> tangent per operand, or None where it is constant; sums over
    broadcast axes, casts and additions are added here.  `python` is the operator that Python
    numbers stay Python numbers under; `math` the function of the math module with the same
    meaning, whose result is a Python float (attribute `python=True`).  `also` are further
    callables with the meaning of `ufunc`.
    """

    def call(*args: Any, dtype: Any = None) -> Any:
        """As the ufunc: its result is never a Python number."""
        out = op(*args)
        return to_numpy(out) if getattr(getattr(out, "type", None), "kind", "") == "py" else out

    calls = [(f, call) for f in (ufunc, *also)]
    if python is not None:
        calls.append((python, lambda *args: op(*args)))
    if math is not None:
        calls.append((math, lambda *args: op(*args, python=True)))
    op = Op(
        name=name,
        calls=tuple(calls),
        infer=partial(_infer, name, ufunc, python),
        value=partial(_value, ufunc, python, math),
        vjp=None if vjp is None else partial(_vjp, vjp),
        jvp=None if jvp is None else partial(_jvp, jvp),
        expand=None,
        batch=None,
        source=_Source(source, math),
        scalar=scalar or source,
        alias=None,
        overwrites=None,
        may_raise=may_raise,
        effect=Effect.NONE,
        cost=cost,
        rewrites=rewrites,
    )
    return op


def promoted(name: str, ufunc: Any, types: tuple[ArrayType, ...]) -> np.dtype:
    """The element type of the result under NEP 50: Python numbers are weak."""
    if not isinstance(ufunc, np.ufunc):
        return np.result_type(*(WEAK[t.dtype.kind](0) if t.weak else t.dtype for t in types))
    operands = [WEAK[t.dtype.kind] if t.weak and t.dtype.kind != "b" else t.dtype for t in types]
    try:
        return ufunc.resolve_dtypes((*operands, *(None,) * ufunc.nout))[-1]
    except TypeError:
        raise TypeError(f"{name} is not defined for {', '.join(map(str, types))}") from None


def _infer(
    name: str, ufunc: Any, operator: Any, *types: ArrayType, python: bool = False
) -> ArrayType:
    if python:
        return FLOAT
    if operator is not None and all(t.weak for t in types):
        return PYTHON[type(operator(*(SAMPLES[t.dtype.kind] for t in types)))]
    shape = broadcast_shapes(*(t.shape for t in types))
    return ArrayType(promoted(name, ufunc, types), shape, "array" if shape else "np")


def _value(ufunc: Any, operator: Any, math: Any, *args: Any, python: bool = False) -> Any:
    if python:
        return math(*args)
    if operator is not None and all(type(a) in PYTHON for a in args):
        return operator(*args)
    return ufunc(*args)


def _vjp(rules: tuple[Rule, ...], ct: Any, out: Any, *args: Any, **attrs: Any) -> Any:
    return tuple(
        fit(rule(ct, out, *args, **attrs), arg)
        if rule is not None and np.dtype(getattr(arg, "dtype", type(arg))).kind in "fc"
        else None
        for rule, arg in zip(rules, args, strict=True)
    )


def _jvp(rules: tuple[Rule, ...], dxs: Any, out: Any, *args: Any, **attrs: Any) -> Any:
    total = None
    for rule, dx in zip(rules, dxs, strict=True):
        if rule is not None and dx is not None:
            term = rule(dx, out, *args, **attrs)
            total = term if total is None else total + term
    if total is not None and getattr(total, "shape", ()) != getattr(out, "shape", ()):
        total = broadcast_like(total, out)
    return total


class _Source:
    """Picks the source of the ufunc or that of the math function."""

    def __init__(self, source: str, math: Any) -> None:
        self.source = source
        self.math = f"math.{math.__name__}({{}})" if math is not None else source

    def __call__(self, *types: ArrayType, python: bool = False) -> str:
        return self.math if python else self.source


def _to_numpy_infer(x: ArrayType) -> ArrayType:
    return ArrayType(x.dtype, (), "np")


to_numpy = Op(
    name="to_numpy",
    calls=(),
    infer=_to_numpy_infer,
    value=lambda x: np.asarray(x)[()],
    vjp=lambda ct, out, x: (ct,),
    jvp=lambda dxs, out, x: dxs[0],
    expand=None,
    batch=None,
    source=lambda x: f"np.{x.dtype.name if x.dtype.kind != 'b' else 'bool_'}({{}})",
    scalar="{}",
    alias=None,
    overwrites=None,
    may_raise=(),
    effect=Effect.NONE,
    cost=Cost.FREE,
    rewrites=(),
)
