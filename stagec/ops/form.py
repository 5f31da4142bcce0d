"""The constructor of elementwise ops: what all of them share is written here once.

A rule of an elementwise op is linear in the cotangent, element by element: broadcasting, casts,
masks and batching are added around it here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from stagec.ir.core import Const, Cost, Effect, Library, Op, Staged, operand_of
from stagec.ir.types import (
    FLOAT,
    INT,
    ArrayType,
    Type,
    broadcast_shapes,
    may_be_one,
    same,
    same_shape,
    type_of,
)
from stagec.ops.axes import align_last, dtype_of, expand_dims, np_shape, plain_array
from stagec.ops.broadcast import align, broadcast_like, filled, fit, number_behind
from stagec.ops.cast import (
    conjugate,
    fit_dtype,
    number_type,
    strong,
    to_numpy as to_numpy,
)
from stagec.ops.copying import copy
from stagec.ops.family import made_by
from stagec.ops.kernel_forms import element_form, joined as joined, never, raised
from stagec.ops.loop_types import JOIN as JOIN, in_loop, promoted
from stagec.ops.masks import masked

Rule = Callable[..., Any] | None
Rewrite = Callable[..., Any]
SAMPLES = {"b": True, "i": 3, "f": 0.5, "c": 0.5j}


def elementwise(
    name: str,
    ufunc: Any,
    source: str | Callable[..., str],
    *,
    vjp: tuple[Rule, ...] | None,
    jvp: tuple[Rule, ...] | None,
    scalar: str | Callable[..., str | Library] | None = None,
    alone: Callable[..., str | Library] | None = None,
    python: Callable[..., Any] | None = None,
    math: Callable[..., Any] | None = None,
    result: ArrayType = FLOAT,
    also: tuple[Any, ...] = (),
    run: Callable[..., Any] | None = None,
    calls: tuple[tuple[Any, Callable[..., Any]], ...] = (),
    may_raise: tuple[type[BaseException], ...] = (),
    cost: Cost | Callable[..., Cost] = Cost.CHEAP,
    rewrites: tuple[Rewrite, ...] = (),
    any_width: bool = True,
    spared: Callable[..., bool] = never,
    **others: Any,
) -> Op:
    """An op computed element by element with broadcasting.

    Parameters
    ----------
    ufunc : NumPy's function of this meaning; element types follow its loops (NEP 50).
    vjp, jvp : one rule (ct or tangent, out, *args) per operand, None where it is constant.
    python : the operator under which Python numbers stay Python numbers.
    math : the function of the math module, whose result is the Python number `result`.
    also : further callables of the same meaning; `calls` those with binders of their own.
    run : what computes the value, if not `ufunc`, which then only tells the element types.
    alone : the form of one element where `scalar` is made for several at a time.
    may_raise : what it raises for Python numbers (for arrays NumPy warns instead).
    spared : (*operands) -> whether constants among them keep it from raising.
    others : further fields of the op.
    """
    forms = source, python, math, may_raise
    table = _binders(lambda: op, also if run else (ufunc, *also), python, math) | dict(calls)
    op = Op(
        name=name,
        calls=tuple(table.items()),
        infer=partial(_infer, name, ufunc, python, result if math is not None else None),
        value=partial(_value, run or python or ufunc, math),
        vjp=None if vjp is None else partial(_vjp, vjp),
        jvp=None if jvp is None else partial(_jvp, jvp),
        expand=None,
        batch=lambda args, axes, **attrs: (_batch(op, result, align(args, axes), **attrs), 0),
        batch_last=lambda xs, wide, **attrs: _batch(op, result, align_last(xs, wide), **attrs),
        source=partial(_source, source, math),
        scalar=partial(element_form, scalar, *forms),
        alone=alone and partial(element_form, alone, *forms),
        alias=None,
        overwrites=None,
        may_raise=partial(raised, python, may_raise, spared) if may_raise else (),
        effect=Effect.NONE,
        cost=cost,
        rewrites=(*rewrites, lambda *args, **attrs: _without_broadcast(op, args, attrs)),
        noun=_noun(name, source),
        any_width=any_width,
        **others,
    )
    return op


def _binders(op: Callable[[], Op], named: tuple[Any, ...], python: Any, math: Any) -> Any:
    """What each function that the op is the meaning of does."""
    table: dict[Any, Any] = {
        f: lambda *args, _f=f, **kw: _call(op(), _f, args, **kw) for f in named
    }
    if python is not None:
        table[python] = lambda *args: op()(*args)
    if math is not None:
        table[math] = lambda *args: op()(*args, python=True)
    return table


def _noun(name: str, source: str | Callable[..., str]) -> str:
    """What a function gives has its name, what an operator gives has none."""
    return name if isinstance(source, str) and source.startswith(f"np.{name}(") else ""


def _call(op: Op, ufunc: Any, args: tuple[Any, ...], dtype: Any = None) -> Any:
    """As the ufunc: its result is never a Python number."""
    if dtype is not None:
        args = in_loop(ufunc, args, dtype)
    types = tuple(map(number_type, args))
    if _python_complex(types):
        args = (to_numpy(args[0]), *args[1:])
    elif all(t.weak for t in types) and _stays_python(op, types):
        first = next((k for k, a in enumerate(args) if isinstance(a, Staged)), 0)
        args = tuple(to_numpy(a) if k == first else a for k, a in enumerate(args))
    return op(*args)


def _stays_python(op: Op, types: tuple[ArrayType, ...]) -> bool:
    """Whether Python numbers give a Python number, or are refused as Python would."""
    try:
        found = op.infer(*types)
    except TypeError:
        return True
    return isinstance(found, ArrayType) and found.weak


def _numbers(name: str, types: tuple[Type, ...]) -> tuple[ArrayType, ...]:
    found: list[ArrayType] = []
    for t in types:
        if not isinstance(t, ArrayType):
            raise TypeError(f"{name} is not defined for {t}")
        found.append(t)
    return tuple(found)


def _infer(
    name: str,
    ufunc: Any,
    operator: Any,
    result: ArrayType | None,
    *operands: Type,
    python: bool = False,
) -> ArrayType:
    types = _numbers(name, operands)
    if python:
        if result is None or any(t.rank or t.dtype.kind == "c" for t in types):
            raise TypeError(f"math.{name} needs real numbers, got {', '.join(map(str, types))}")
        return result
    if operator is not None and (all(t.weak for t in types) or _python_complex(types)):
        found = type_of(operator(*map(_sample, types)))
        assert isinstance(found, ArrayType)
        return found
    shape = broadcast_shapes(*(t.shape for t in types))
    return ArrayType(promoted(name, ufunc, types), shape, "array" if shape else "np")


def _python_complex(types: tuple[ArrayType, ...]) -> bool:
    """Whether Python's complex is asked first: it takes a NumPy float64 for a float."""
    first, *rest = types
    plain = all(t.weak or (t.kind == "np" and t.dtype == FLOAT.dtype) for t in rest)
    return first.weak and first.dtype.kind == "c" and plain


def _sample(type_: ArrayType) -> Any:
    return SAMPLES[type_.dtype.kind] if type_.weak else np.float64(0.5)


def _batch(op: Op, result: ArrayType, args: tuple[Any, ...], python: bool = False) -> Any:
    """The op over arrays; in place of a math function, in double precision as that is."""
    if not python:
        return op(*args)
    double = {"f": FLOAT.dtype, "b": INT.dtype}
    out = op(*(fit_dtype(x, double.get(dtype_of(x).kind, dtype_of(x))) for x in args))
    return fit_dtype(out, result.dtype)


def _value(run: Any, math: Any, *args: Any, python: bool = False) -> Any:
    return math(*args) if python else run(*map(plain_array, args))


def varies(x: Any) -> bool:
    """Whether a cotangent of the operand is of any use: it is inexact, and not a constant."""
    if isinstance(x, Staged) and isinstance(x.operand, Const):
        return False
    return dtype_of(x).kind in "fc"


def _vjp(
    rules: tuple[Rule, ...], ct: Any, out: Any, *args: Any, python: bool = False
) -> tuple[Any, ...]:
    def cotangent(rule: Callable[..., Any], arg: Any) -> Any:
        bar = masked(lambda body: rule(body, out, *args), ct)
        if bar is None:
            return None
        # a lone array has the shape of the result
        alone = np.ndim(arg) and sum(np.ndim(a) > 0 for a in args) == 1
        return fit_dtype(bar, dtype_of(arg)) if alone else fit(bar, arg)

    return tuple(
        cotangent(rule, arg) if rule is not None and varies(arg) else None
        for rule, arg in zip(rules, args, strict=True)
    )


def _jvp(rules: tuple[Rule, ...], dxs: Any, out: Any, *args: Any, python: bool = False) -> Any:
    total = None
    for rule, dx in zip(rules, dxs, strict=True):
        if rule is not None and dx is not None:
            term = rule(dx, out, *args)
            total = term if total is None else total if term is None else total + term
    return None if total is None else fit_tangent(total, out)


def fit_tangent(tangent: Any, out: Any) -> Any:
    """The tangent broadcast to the shape and cast to the element type of the result."""
    tangent = fit_dtype(tangent, dtype_of(out))
    if same_shape(np_shape(tangent), np_shape(out)):
        return tangent
    return broadcast_like(tangent, out)


def gated(*rules: Rule) -> dict[str, Any]:
    """The rules for weights that are real numbers: one text serves both directions."""
    return {"vjp": rules, "jvp": rules}


def times(*slopes: Callable[..., Any] | None) -> dict[str, Any]:
    """The rules for partial derivatives `slope(out, *args)`, one per operand."""
    return {
        "vjp": tuple(f and partial(_times_vjp, f) for f in slopes),
        "jvp": tuple(f and partial(_times_jvp, f) for f in slopes),
    }


def over(*slopes: Callable[..., Any] | None) -> dict[str, Any]:
    """The rules for partial derivatives `1 / slope(out, *args)`, infinite where it is zero."""
    return {
        "vjp": tuple(f and partial(_over_vjp, f) for f in slopes),
        "jvp": tuple(f and partial(_over_jvp, f) for f in slopes),
    }


def _times_vjp(slope: Any, ct: Any, out: Any, *args: Any) -> Any:
    return ct * conjugate(slope(out, *args))


def _times_jvp(slope: Any, dx: Any, out: Any, *args: Any) -> Any:
    return slope(out, *args) * dx


def _over_vjp(slope: Any, ct: Any, out: Any, *args: Any) -> Any:
    return ct / conjugate(strong(slope(out, *args)))


def _over_jvp(slope: Any, dx: Any, out: Any, *args: Any) -> Any:
    return dx / strong(slope(out, *args))


def _source(
    text: str | Callable[..., str], math: Any, *types: ArrayType, python: bool = False
) -> str:
    if python:
        return f"math.{math.__name__}({', '.join(['{}'] * len(types))})"
    return text if isinstance(text, str) else text(*types)


# --- rewrites ------------------------------------------------------------------------------


def _without_broadcast(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """The op without a broadcast, or new leading axes, that it would make itself."""
    for k, arg in enumerate(args):
        inner = _before_broadcast(arg)
        if inner is None:
            continue
        others = (*args[:k], *args[k + 1 :])
        narrow = op.infer(*(a.type for a in (*args[:k], inner, *args[k + 1 :])), **attrs)
        wide = op.infer(*(a.type for a in args), **attrs)
        if _alike(narrow, wide) and (_widened_by(arg, others) or _surely_wide(narrow, wide)):
            return op(*args[:k], inner, *args[k + 1 :], **attrs)
    return _of_numbers(op, args, attrs)


def _alike(a: Any, b: Any) -> bool:
    return (a.dtype, a.kind, a.rank) == (b.dtype, b.kind, b.rank)


def _widened_by(x: Any, others: tuple[Any, ...]) -> bool:
    """Whether one of the others has the very shape that `x` was broadcast to."""
    wide = made_by(x, broadcast_like) or made_by(x, filled)
    return bool(wide) and any(wide[0][1].operand is operand_of(a) for a in others)


def _surely_wide(narrow: Any, wide: Any) -> bool:
    """Whether a shape that broadcasts to the other is equal to it."""
    pairs = zip(narrow.shape, wide.shape, strict=True)
    return all(same(a, b) or not may_be_one(a) for a, b in pairs)


def _of_numbers(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """The op on numbers that fill arrays, done before that."""
    fills = (made_by(a, filled) or made_by(a, broadcast_like) for a in args)
    wide = next((fill for fill in fills if fill), None)
    if wide is None:
        return None
    numbers = [number_behind(a) if np.ndim(a) else a for a in args]
    if any(n is None for n in numbers):
        return None
    narrow = [strong(n) if np.ndim(a) else n for n, a in zip(numbers, args, strict=True)]
    whole = op.infer(*(a.type for a in args), **attrs)
    single = op.infer(*(a.type for a in narrow), **attrs)
    assert isinstance(whole, ArrayType)
    assert isinstance(single, ArrayType)
    like = wide[0][1]
    if single.rank or single.dtype != whole.dtype or not same_shape(like.shape, whole.shape):
        return None
    return broadcast_like(op(*narrow, **attrs), like)


def _before_broadcast(x: Any) -> Any:
    wide = made_by(x, broadcast_like) or made_by(x, filled)
    if wide:
        return wide[0][0]
    deeper = made_by(x, expand_dims)
    leading = deeper and deeper[1]["axes"] == tuple(range(len(deeper[1]["axes"])))
    return deeper[0][0] if deeper and leading else None


def identity(x: Any, op: Op, *args: Any) -> Any:
    """`x` in place of `op(*args)`, a copy unless it is fresh; None if their types differ."""
    type_ = op.infer(*(a.type for a in args))
    assert isinstance(type_, ArrayType)
    if x.type.dtype != type_.dtype or not same_shape(x.shape, type_.shape):
        return None
    if x.type.kind != type_.kind:
        return to_numpy(x) if type_.kind == "np" else None
    made = x.builder.producer(x.operand)
    fresh = made is not None and made.op.aliased(made.kwargs) is None
    return x if fresh or type_.kind != "array" else copy(x)
