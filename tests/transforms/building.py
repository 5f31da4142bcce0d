"""Building small functions by hand, and checking their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stagec.ir.build import Builder, params
from stagec.ir.core import Block, For, If, Value, While, operand_of
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.path import Arg, Index, Path, Slice
from stagec.ir.types import INT, ArrayType, Size, Symbol, Type, type_of
from stagec.ir.verifier import verify
from stagec.ops.arithmetic import Handle
from stagec.transforms.forward import forward
from stagec.transforms.reverse import joined, reverse

N, M = Size(((Symbol("n"), 1),)), Size(((Symbol("m"), 1),))
F64 = np.dtype(np.float64)
VECTOR, MATRIX = ArrayType(F64, (N,)), ArrayType(F64, (N, M))
SQUARE = ArrayType(F64, (N, N))
SCALAR = ArrayType(F64, (), "np")


def at(*items: Any) -> Path:
    """The path of one index step; `...` stands for the next operand."""
    count = 0
    found: list[Any] = []
    for item in items:
        parts = []
        for part in (item.start, item.stop, item.step) if isinstance(item, slice) else (item,):
            if part is ...:
                part, count = Arg(count), count + 1
            parts.append(part)
        found.append(Slice(*parts) if isinstance(item, slice) else parts[0])
    return (Index(tuple(found)),)


def function(build: Callable[..., Any], *types: Type, hints: str = "") -> Function:
    """The function of parameters of these types that `build` stages."""
    values = params(*types, hints=hints.split())
    builder = Builder()
    results = build(*(Handle(builder, v) for v in values))
    results = results if isinstance(results, tuple) else (results,)
    fn = Function("f", builder.block(values, [operand_of(r) for r in results]))
    verify(fn)
    return fn


def _block(builder: Builder, values: Sequence[Value], build: Callable[..., Any]) -> Block:
    """The block that `build` stages; it may use handles of the enclosing blocks."""
    outer, builder.stmts = builder.stmts, []
    results = build(*(Handle(builder, v) for v in values))
    results = results if isinstance(results, tuple) else (results,)
    block = builder.block(values, [operand_of(r) for r in results])
    builder.stmts = outer
    return block


def _types(inits: Sequence[Any]) -> list[Type]:
    return [operand_of(x).type for x in inits]


def loop(
    like: Handle,
    lo: Any,
    hi: Any,
    inits: Sequence[Any],
    body: Callable[..., Any],
    step: Any = 1,
    reverse: bool = False,
    until: bool = False,
    types: Sequence[Type] = (),
) -> Any:
    """`for i in range(lo, hi, step): carry = body(i, *carry)`; the final carry."""
    builder = like.builder
    types = list(types) or _types(inits)
    index, carried = Value(INT, "i"), params(*types)
    block = _block(builder, (index, *carried), body)
    outs = params(*types)
    start, stop, by = (operand_of(x) for x in (lo, hi, step))
    init = tuple(operand_of(x) for x in inits)
    like.builder.append(For(start, stop, by, init, block, outs, until, reverse))
    return _handles(like.builder, outs)


def while_loop(
    like: Handle, inits: Sequence[Any], cond: Callable[..., Any], body: Callable[..., Any]
) -> Any:
    """`while cond(*carry): carry = body(*carry)`; the final carry."""
    types = _types(inits)
    blocks: list[Block] = []
    for part in (cond, body):
        blocks.append(_block(like.builder, params(*types), part))
    outs = params(*types)
    init = tuple(operand_of(x) for x in inits)
    like.builder.append(While(init, blocks[0], blocks[1], outs))
    return _handles(like.builder, outs)


def branch(cond: Handle, then: Callable[..., Any], orelse: Callable[..., Any]) -> Any:
    """`then() if cond else orelse()`."""
    blocks = [_block(cond.builder, (), part) for part in (then, orelse)]
    outs = params(*(r.type for r in blocks[0].results))
    cond.builder.append(If(cond.operand, blocks[0], blocks[1], outs))
    return _handles(cond.builder, outs)


def _handles(builder: Builder, outs: Sequence[Value]) -> Any:
    handles = tuple(Handle(builder, v) for v in outs)
    return handles[0] if len(handles) == 1 else handles


# --- checking --------------------------------------------------------------------------------


def inexact(x: Any) -> bool:
    """Whether the value has derivatives."""
    return np.asarray(x).dtype.kind in "fc"


def like(rng: np.random.Generator, x: Any) -> Any:
    """A random value of the kind, shape and dtype of `x`."""
    if isinstance(x, list):
        return [like(rng, e) for e in x]
    value = rng.standard_normal(np.shape(x))
    if np.asarray(x).dtype.kind == "c":
        value = value + 1j * rng.standard_normal(np.shape(x))
    if isinstance(x, np.ndarray):
        return np.asarray(value, x.dtype)
    return type(x)(np.asarray(value)[()])


def inner(a: Any, b: Any) -> float:
    """Re<a, b> over all entries."""
    if isinstance(a, list):
        return sum(inner(x, y) for x, y in zip(a, b, strict=True))
    return float(np.real(np.sum(np.conj(a) * b)))


def shift(x: Any, dx: Any, h: float) -> Any:
    """`x + h * dx` in the kind of `x`."""
    if isinstance(x, list):
        return [shift(e, de, h) for e, de in zip(x, dx, strict=True)]
    moved = x + h * dx
    return type(x)(moved) if isinstance(x, float) else moved


def difference(f: Callable[..., Any], args: Sequence[Any], dxs: Sequence[Any]) -> list[Any]:
    """The directional derivative by extrapolated central differences."""

    def central(h: float) -> list[Any]:
        up = f(*(x if dx is None else shift(x, dx, h) for x, dx in zip(args, dxs, strict=True)))
        down = f(
            *(x if dx is None else shift(x, dx, -h) for x, dx in zip(args, dxs, strict=True))
        )
        return [
            (np.asarray(a) - np.asarray(b)) / (2 * h) if inexact(a) else None
            for a, b in zip(up, down, strict=True)
        ]

    one, two, four = central(4e-3), central(2e-3), central(1e-3)
    found: list[Any] = []
    for a, b, c in zip(one, two, four, strict=True):
        if a is None:
            found.append(None)
            continue
        first, second = (4 * b - a) / 3, (4 * c - b) / 3
        found.append((16 * second - first) / 15)
    return found


def check(
    fn: Function,
    *args: Any,
    seed: int = 0,
    tolerance: float = 1e-8,
    wrt: Sequence[int] | None = None,
    order: int = 2,
) -> None:
    """Check both modes, up to the order."""
    rng = np.random.default_rng(seed)
    values = evaluate(fn, *args)
    if wrt is None:
        wrt = [k for k, a in enumerate(args) if inexact(a)]
    of = [k for k, r in enumerate(values) if inexact(r)]
    dxs = [like(rng, args[k]) for k in wrt]
    cts = [like(rng, values[k]) for k in of]
    tangent, pullback = forward(fn, wrt), reverse(fn, wrt, of)
    both = joined(pullback)
    for made in (tangent, pullback.forward, pullback.backward, both):
        verify(made)
    out = evaluate(tangent, *args, *dxs)
    same(out[: len(values)], values)
    dys = out[len(values) :]
    assert len(dys) == len(of)
    found = evaluate(both, *args, *cts)
    same(found[: len(values)], values)
    bars = found[len(values) :]
    for k, bar, param in zip(wrt, bars, [fn.params[k] for k in wrt], strict=True):
        assert np.shape(bar) == np.shape(args[k])
        if not isinstance(args[k], list):
            got = type_of(bar)
            assert isinstance(got, ArrayType)
            assert isinstance(param.type, ArrayType)
            assert (got.dtype, got.kind) == (param.type.dtype, param.type.kind)
    halves = evaluate(pullback.forward, *args)
    apart = evaluate(pullback.backward, *halves[len(values) :], *cts)
    same(apart, bars)
    left = sum(inner(c, d) for c, d in zip(cts, dys, strict=True))
    right = sum(inner(b, d) for b, d in zip(bars, dxs, strict=True))
    scale = max(1.0, abs(left), abs(right))
    assert abs(left - right) <= 1e-11 * scale, (left, right)
    full = [dxs[list(wrt).index(k)] if k in wrt else None for k in range(len(args))]
    numeric = difference(lambda *a: evaluate(fn, *a), args, full)
    for k, dy in zip(of, dys, strict=True):
        np.testing.assert_allclose(dy, numeric[k], rtol=tolerance, atol=tolerance)
    if order > 1:
        both_wrt = [*wrt, *(len(args) + k for k in range(len(of)))]
        check(both, *args, *cts, seed=seed + 1, wrt=both_wrt, order=order - 1,
              tolerance=10 * tolerance)  # fmt: skip
        check(tangent, *args, *dxs, seed=seed + 2, order=order - 1, tolerance=10 * tolerance,
              wrt=[*wrt, *(len(args) + k for k in range(len(wrt)))])  # fmt: skip


def same(found: Sequence[Any], wanted: Sequence[Any]) -> None:
    """Check that the values are equal."""
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)
