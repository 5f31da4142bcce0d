"""Generic checks of an op's rules on one sample `(args, attrs)`.

`CHECKS` holds all of them; each takes `(op, args, attrs)` and fails by assertion.  A sample is
a smooth point: no ties or kinks nearer than 0.02, so that differences mean something.
Operands are arrays, NumPy scalars, Python numbers, strings or non-empty lists of these.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.build import Builder
from stagec.ir.core import Apply, Const, Effect, Op, Operand, Value, const, operand_of
from stagec.ir.types import ArrayType, ListType, Size, Symbol, Type, size, type_of
from stagec.ops.arithmetic import Handle
from stagec.ops.into import Into

Sample = tuple[tuple[Any, ...], dict[str, Any]]
STEP = 2e-3


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Several results as they are, one result as a tuple."""
    return value if isinstance(value, tuple) else (value,)


def leaves(value: Any) -> Iterator[Any]:
    """The arrays, numbers and strings in nested lists and tuples."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    elif value is not None:
        yield value


def rebuild(function: Callable[..., Any], *values: Any) -> Any:
    """`function` applied to corresponding leaves of the nested lists."""
    if isinstance(values[0], list):
        return [rebuild(function, *items) for items in zip(*values, strict=True)]
    return function(*values)


def of_kind(value: Any, like: Any) -> Any:
    """`value` as what `like` is: Python number, NumPy scalar or array of its dtype."""
    if isinstance(like, np.ndarray):
        return np.asarray(value, like.dtype).reshape(like.shape)
    return like.dtype.type(value) if isinstance(like, np.generic) else type(like)(value)


def inexact(value: Any) -> bool:
    """Whether the value is made of floating or complex numbers."""
    found = [np.asarray(x).dtype.kind in "fc" for x in leaves(value) if not isinstance(x, str)]
    return bool(found) and all(found)


def random_like(value: Any, rng: np.random.Generator) -> Any:
    """A random tangent or cotangent for the value; None if it has none."""
    if not inexact(value):
        return None

    def draw(leaf: Any) -> Any:
        x = rng.uniform(0.5, 1.5, np.shape(leaf)) * rng.choice([-1, 1], np.shape(leaf))
        if np.asarray(leaf).dtype.kind == "c":
            x = x + 1j * rng.uniform(0.5, 1.5, np.shape(leaf))
        return of_kind(x, leaf)

    return rebuild(draw, value)


def pairing(w: Any, v: Any) -> float:
    """Re <w, v>; a missing one counts as zero."""
    total = 0.0
    for a, b in zip(as_tuple(w), as_tuple(v), strict=True):
        if a is not None and b is not None:
            for x, y in zip(leaves(a), leaves(b), strict=True):
                assert np.shape(x) == np.shape(y), (np.shape(x), np.shape(y))
                total += float(np.sum(np.conj(x) * y, dtype=np.complex128).real)
    return total


def tolerance(*values: Any) -> float:
    """1e-12, or what the narrowest element type among the values allows."""
    widths = [np.finfo(np.asarray(x).dtype).eps for x in leaves(values) if inexact(x)]
    return max([1e-12, *(64 * float(e) for e in widths)])


def assert_same_type(actual: Type, expected: Type, what: str, kinds: bool = True) -> None:
    """Equal but for sizes that are not static."""
    if isinstance(expected, ListType):
        assert isinstance(actual, ListType), f"{what}: {actual} is not {expected}"
        return assert_same_type(actual.element, expected.element, what, kinds)
    if not isinstance(expected, ArrayType):
        assert actual == expected, f"{what}: {actual} is not {expected}"
        return None
    assert isinstance(actual, ArrayType), f"{what}: {actual} is not {expected}"
    assert actual.dtype == expected.dtype, f"{what}: {actual} is not {expected}"
    assert actual.rank == expected.rank, f"{what}: {actual} is not {expected}"
    if kinds:
        assert actual.kind == expected.kind, f"{what}: {actual.kind} is not {expected.kind}"
    for n, m in zip(actual.shape, expected.shape, strict=True):
        assert n == m or not (isinstance(n, int) and isinstance(m, int)), f"{what}: {n} != {m}"
    return None


def assert_close(actual: Any, expected: Any, what: str, rtol: float = 0.0) -> None:
    """Equal structure, element types and, to `rtol`, numbers."""
    xs, ys = list(leaves(actual)), list(leaves(expected))
    assert len(xs) == len(ys), f"{what}: {len(xs)} leaves, not {len(ys)}"
    for x, y in zip(xs, ys, strict=True):
        if isinstance(y, str):
            assert x == y, what
            continue
        assert np.asarray(x).dtype == np.asarray(y).dtype, f"{what}: {x!r} against {y!r}"
        assert np.shape(x) == np.shape(y), f"{what}: {np.shape(x)} is not {np.shape(y)}"
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol, err_msg=what)


def resolve(type_: Type, sizes: dict[str, int]) -> Type:
    """The type with symbols replaced by what they stand for."""
    if isinstance(type_, ListType):
        return ListType(resolve(type_.element, sizes))
    if not isinstance(type_, ArrayType):
        return type_

    def dim(d: Any) -> Any:
        if isinstance(d, Size):
            return d.const + sum(factor * sizes[s.name] for s, factor in d.terms)
        return d

    return replace(type_, shape=tuple(map(dim, type_.shape)))


def symbolic(type_: Type, sizes: dict[str, int]) -> Type:
    """The type with every size but 1 made a symbol; equal sizes get the same one."""
    if isinstance(type_, ListType):
        return ListType(symbolic(type_.element, sizes))
    if not isinstance(type_, ArrayType):
        return type_

    def dim(n: Any) -> Any:
        if not isinstance(n, int) or n == 1:
            return n
        sizes[f"n{n}"] = n
        return size(Symbol(f"n{n}", unit=n == 0))

    return replace(type_, shape=tuple(map(dim, type_.shape)))


class Staging:
    """A block under construction over given run-time values, run op by op."""

    def __init__(self, symbols: bool, constants: bool) -> None:
        self.builder = Builder()
        self.symbols = symbols
        self.constants = constants
        self.sizes: dict[str, int] = {}
        self.values: dict[Operand, Any] = {}

    def handle(self, value: Any) -> Handle:
        """A handle on a parameter or, if asked for, on a constant holding the value."""
        if self.constants and isinstance(value, int | float | complex | str | np.generic):
            return Handle(self.builder, const(value))
        type_ = type_of(value)
        param = Value(symbolic(type_, self.sizes) if self.symbols else type_)
        self.values[param] = value
        return Handle(self.builder, param)

    def apply(self, op: Op, args: list[Handle], attrs: dict[str, Any]) -> Any:
        """Handles on the results of the op, staged even if no argument is a handle."""
        outs = self.builder.add(op, [operand_of(a) for a in args], attrs)
        handles = tuple(Handle(self.builder, v) for v in outs)
        return handles[0] if len(handles) == 1 else handles

    def run(self) -> None:
        """Run every statement, checking the inferred types on the way."""
        for stmt in self.builder.stmts:
            assert isinstance(stmt, Apply), "a rule is straight-line code"
            values = stmt.op.value(*map(self.value, stmt.args), **stmt.kwargs)
            for out, value in zip(stmt.outs, as_tuple(values), strict=True):
                self.values[out] = value
                if value != [] if isinstance(value, list) else True:
                    expected = resolve(out.type, self.sizes)
                    assert_same_type(type_of(value), expected, stmt.op.name)
        self.builder.stmts.clear()

    def value(self, x: Any) -> Any:
        """What a handle, an operand or a plain number is at run time."""
        if x is None:
            return None
        if isinstance(x, tuple):
            return tuple(map(self.value, x))
        operand = operand_of(x)
        return operand.value if isinstance(operand, Const) else self.values[operand]


def settings(args: tuple[Any, ...]) -> Iterator[tuple[bool, bool]]:
    """The ways (symbolic sizes, constant scalars) to stage the arguments."""
    yield False, False
    yield True, False
    if any(isinstance(a, int | float | complex | np.generic) for a in args):
        yield False, True


def check_type(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
    """`infer` tells dtype, shape and kind of the value, with static and symbolic sizes."""
    values = as_tuple(op.value(*args, **attrs))
    types = as_tuple(op.infer(*map(type_of, args), **attrs))
    assert len(types) == len(values), f"{op.name}: {len(types)} types, {len(values)} values"
    for type_, value in zip(types, values, strict=True):
        assert_same_type(type_of(value), type_, op.name)
    sizes: dict[str, int] = {}
    try:
        types = as_tuple(op.infer(*(symbolic(type_of(a), sizes) for a in args), **attrs))
    except TypeError:  # an op may refuse what it cannot decide without the sizes
        return
    for type_, value in zip(types, values, strict=True):
        assert_same_type(type_of(value), resolve(type_, sizes), f"{op.name}, symbolic")


def check_pure(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
    """`value` leaves its operands alone and shares no memory that `alias` does not tell."""
    before = rebuild(lambda a: a if isinstance(a, str) else np.copy(a), list(args))
    values = op.value(*args, **attrs)
    assert_close(list(leaves(list(args))), list(leaves(before)), op.name)
    if any(isinstance(v, list) for v in as_tuple(values)):
        return  # a list holds its elements, it does not copy them
    for k, arg in enumerate(args):
        for a in leaves(arg):
            for v in leaves(values):
                if isinstance(a, np.ndarray) and isinstance(v, np.ndarray) and a.size:
                    shared = np.shares_memory(a, v)
                    assert not shared or op.aliased(attrs) == k, (
                        f"{op.name} aliases operand {k}"
                    )


def check_source(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
    """The source template evaluates to the value, with the same type."""
    if op.effect is not Effect.NONE:
        return
    source = op.source(*map(type_of, args), **attrs) if callable(op.source) else op.source
    names = {f"x{k}": rebuild(np.copy if isinstance(a, np.ndarray | list) else lambda v: v, a)
             for k, a in enumerate(args)}  # fmt: skip
    for k, a in enumerate(args):
        if isinstance(a, list):  # np.copy makes arrays of scalars
            names[f"x{k}"] = rebuild(of_kind, names[f"x{k}"], a)
    scope = {"np": np, "rt": rt, "math": math, **names}
    text = source.format(*names)
    if op.overwrites is None:
        actual = eval(text, scope)
    elif isinstance(ast.parse(text).body[0], ast.Expr):
        result = eval(text, scope)
        kept = scope[f"x{op.overwrites}"]
        actual = (
            (kept, result)
            if isinstance(op.infer(*map(type_of, args), **attrs), tuple)
            else kept
        )
    else:
        exec(text, scope)
        actual = scope[f"x{op.overwrites}"]
    expected = op.value(*args, **attrs)
    assert_close(actual, expected, f"{op.name}: {text}", 1e-14)
    for x, y in zip(leaves(actual), leaves(expected), strict=True):
        assert_same_type(type_of(x), type_of(y), f"{op.name}: {text}")


def tangents_of(args: tuple[Any, ...]) -> list[Any]:
    """Random tangents, the same ones on every call."""
    rng = np.random.default_rng(7)
    return [random_like(a, rng) for a in args]


def cotangent_of(out: Any) -> Any:
    """A random cotangent of the result, the same one on every call."""
    rng = np.random.default_rng(11)
    cts = tuple(random_like(v, rng) for v in as_tuple(out))
    return cts if isinstance(out, tuple) else cts[0]


def differentiable(op: Op, args: tuple[Any, ...], out: Any) -> bool:
    """Whether the sample has a derivative at all."""
    some_result = any(inexact(v) for v in as_tuple(out))
    return op.vjp is not None and some_result and any(inexact(a) for a in args)


def check_adjoint(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
    """<w, J v> = <J' w, v>, for each operand alone and for all together."""
    out = op.value(*args, **attrs)
    if not differentiable(op, args, out):
        return
    assert op.vjp is not None
    assert op.jvp is not None, f"{op.name} has vjp but no jvp"
    ct, tangents = cotangent_of(out), tangents_of(args)
    pulled = op.vjp(ct, out, *args, **attrs)
    assert len(pulled) == len(args), f"{op.name}: {len(pulled)} cotangents"
    for x_bar, arg in zip(pulled, args, strict=True):
        assert x_bar is None or inexact(arg), f"{op.name}: cotangent for an integer"
        if x_bar is not None:
            for a, b in zip(leaves(x_bar), leaves(arg), strict=True):
                assert_same_type(type_of(a), type_of(b), f"{op.name}: cotangent", kinds=False)
    active = [k for k, t in enumerate(tangents) if t is not None]
    for chosen in [*([k] for k in active), active]:
        dxs = tuple(t if k in chosen else None for k, t in enumerate(tangents))
        pushed = op.jvp(dxs, out, *args, **attrs)
        for t, v in zip(as_tuple(pushed), as_tuple(out), strict=True):
            for a, b in zip(leaves(t), leaves(v), strict=t is not None):
                assert_same_type(type_of(a), type_of(b), f"{op.name}: tangent", kinds=False)
        left = pairing(ct, pushed)
        right = pairing(tuple(pulled), dxs)
        scale = 1.0 + abs(left) + abs(right)
        assert abs(left - right) <= tolerance(args, out) * scale, f"{op.name}: {left}, {right}"


def check_differences(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
    """`jvp` agrees with extrapolated central differences; no rule means no slope."""
    out = op.value(*args, **attrs)
    if op.expand is not None or not all(map(_double, leaves([*args, *as_tuple(out)]))):
        return
    tangents = tangents_of(args)
    for k, tangent in enumerate(tangents):
        if tangent is None:
            continue
        dxs = tuple(tangent if j == k else None for j in range(len(args)))
        pushed = None if op.jvp is None else op.jvp(dxs, out, *args, **attrs)
        numbers = _slopes(op, args, attrs, k, tangent)
        for t, slope, v in zip(_spread(pushed, out), numbers, as_tuple(out), strict=True):
            if inexact(v):
                got = [np.asarray(0.0)] * len(slope) if t is None else list(leaves(t))
                for a, b in zip(got, slope, strict=True):
                    what = f"{op.name}: operand {k}"
                    np.testing.assert_allclose(a, b, rtol=2e-8, atol=2e-8, err_msg=what)


def _double(leaf: Any) -> bool:
    return isinstance(leaf, str) or np.asarray(leaf).dtype.name not in (
        "float16", "float32", "complex64",
    )  # fmt: skip


def _spread(pushed: Any, out: Any) -> tuple[Any, ...]:
    return (None,) * len(as_tuple(out)) if pushed is None else as_tuple(pushed)


def _slopes(
    op: Op, args: tuple[Any, ...], attrs: dict[str, Any], k: int, tangent: Any
) -> list[list[Any]]:
    def at(t: float) -> list[list[Any]]:
        def moved(x: Any, dx: Any) -> Any:
            return of_kind(np.asarray(x) + t * np.asarray(dx), x)

        shifted = [rebuild(moved, a, tangent) if j == k else a for j, a in enumerate(args)]
        return [list(leaves([v])) for v in as_tuple(op.value(*shifted, **attrs))]

    def central(h: float) -> list[list[Any]]:
        pairs = zip(at(h), at(-h), strict=True)
        return [
            [
                (np.asarray(a) - b) / (2 * h) if inexact(a) else 0
                for a, b in zip(p, q, strict=True)
            ]
            for p, q in pairs
        ]

    coarse, middle, fine = central(STEP), central(STEP / 2), central(STEP / 4)
    return [
        [_richardson(a, b, c) for a, b, c in zip(p, q, r, strict=True)]
        for p, q, r in zip(coarse, middle, fine, strict=True)
    ]


def _richardson(a: Any, b: Any, c: Any) -> Any:
    first, second = (4 * b - a) / 3, (4 * c - b) / 3
    return (16 * second - first) / 15


def check_staged(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
    """The rules give the same numbers on handles as on arrays, and infer right types."""
    out = op.value(*args, **attrs)
    for symbols, constants in settings(args):
        stage = Staging(symbols, constants)
        handles = [stage.handle(a) for a in args]
        try:
            staged = stage.apply(op, handles, attrs)
        except TypeError:
            assert symbols, f"{op.name} refuses static types"
            continue
        stage.run()
        what = f"{op.name}, symbols={symbols}, constants={constants}"
        if op.effect is not Effect.ORDERED:
            assert_close(stage.value(staged), out, what)
        if op.expand is not None:
            expanded = op.expand(*handles, **attrs)
            stage.run()
            assert_close(stage.value(expanded), out, f"{what}, expanded", tolerance(args, out))
        if not differentiable(op, args, out):
            continue
        _check_staged_rules(op, args, attrs, (stage, handles, staged), out)
        _check_rewrites(op, attrs, (stage, handles, staged), out)


def pulled_value(stage: Staging, staged_bar: Any, like: Any) -> Any:
    """What a staged cotangent is at run time, a term of one included."""
    if not isinstance(staged_bar, Into):
        return stage.value(staged_bar)
    zero = rebuild(lambda x: of_kind(np.zeros_like(x), x), like)
    total = staged_bar.onto(stage.handle(zero))
    stage.run()
    return stage.value(total)


def _check_staged_rules(
    op: Op, args: tuple[Any, ...], attrs: dict[str, Any], context: Any, out: Any
) -> None:
    stage, handles, staged = context
    assert op.vjp is not None
    assert op.jvp is not None

    def lift(value: Any) -> Any:
        return None if value is None else Staging.handle(stage, value)

    stage.constants = False
    ct, dxs = cotangent_of(out), tuple(tangents_of(args))
    cts = tuple(map(lift, ct)) if isinstance(ct, tuple) else lift(ct)
    pulled = op.vjp(cts, staged, *handles, **attrs)
    pushed = op.jvp(tuple(map(lift, dxs)), staged, *handles, **attrs)
    stage.run()
    plain = op.vjp(ct, out, *args, **attrs)
    rtol = tolerance(args, out)
    for handle, staged_bar, bar, arg in zip(handles, pulled, plain, args, strict=True):
        if staged_bar is None and isinstance(handle.operand, Const):
            continue  # nobody asks for the cotangent of a constant
        if staged_bar is not None:
            value = pulled_value(stage, staged_bar, arg)
            bar = rebuild(lambda x: x * 0, arg) if bar is None else bar
            assert_close(value, bar, f"{op.name}: staged vjp", rtol)
            for a, b in zip(leaves(value), leaves(arg), strict=True):
                assert_same_type(type_of(a), type_of(b), f"{op.name}: cotangent", kinds=False)
        else:
            assert bar is None, f"{op.name}: None on handles only"
    tangent = op.jvp(dxs, out, *args, **attrs)
    tangent = (
        rebuild(lambda x: x * 0, out) if tangent is None and pushed is not None else tangent
    )
    assert_close(stage.value(pushed), tangent, f"{op.name}: staged jvp", rtol)


def _check_rewrites(op: Op, attrs: dict[str, Any], context: Any, out: Any) -> None:
    stage, handles, _ = context
    for rewrite in op.rewrites:
        result = rewrite(*handles, **attrs)
        if result is not None:
            stage.run()
            what = f"{op.name}: rewrite {getattr(rewrite, '__name__', rewrite)}"
            value = stage.value(result)
            assert_close(value, out, what)
            for a, b in zip(leaves(value), leaves(out), strict=True):
                assert_same_type(type_of(a), type_of(b), what)


def check_batch(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
    """`batch` agrees with a loop, for each array operand alone and for all, axis 0 and last."""
    if op.batch is None:
        return
    arrays = [k for k, a in enumerate(args) if isinstance(a, np.ndarray | np.generic)]
    if not arrays:
        return
    done = 0
    for chosen in [*([k] for k in arrays), arrays]:
        for last in (False, True):
            done += _check_batch_of(op, args, attrs, chosen, last)
    assert done, f"{op.name}: batch refuses every choice of axes"


def _variant(x: Any) -> Any:
    if np.asarray(x).dtype.kind in "fc":
        return x * np.asarray(x).dtype.type(0.75)
    return np.roll(x, 1, axis=0) if np.ndim(x) else x


def _check_batch_of(
    op: Op, args: tuple[Any, ...], attrs: dict[str, Any], chosen: list[int], last: bool
) -> int:
    axes = tuple(
        (np.ndim(a) if last else 0) if k in chosen else None for k, a in enumerate(args)
    )
    both = [(a, _variant(a)) if k in chosen else (a, a) for k, a in enumerate(args)]
    batched = [
        np.stack(pair, axis=axis) if axis is not None else pair[0]
        for pair, axis in zip(both, axes, strict=True)
    ]
    assert op.batch is not None
    with np.errstate(all="ignore"):
        try:
            result, out_axes = op.batch(tuple(batched), axes, **attrs)
        except TypeError:  # a refusal
            return 0
        stage = Staging(False, False)
        handles = tuple(map(stage.handle, batched))
        staged, staged_axes = op.batch(handles, axes, **attrs)
        stage.run()
        assert staged_axes == out_axes, f"{op.name}: batch of handles has other axes"
        assert_close(stage.value(staged), result, f"{op.name}: batch of handles", 1e-12)
        rows = [as_tuple(op.value(*(pair[i] for pair in both), **attrs)) for i in range(2)]
    results = as_tuple(result)
    places = out_axes if isinstance(out_axes, tuple) else (out_axes,) * len(results)
    for j, (value, axis) in enumerate(zip(results, places, strict=True)):
        for i in range(2):
            got = (
                value
                if axis is None
                else rebuild(partial(np.take, indices=i, axis=axis), value)
            )
            what = f"{op.name}: batch over {axes}"
            got, row = (rebuild(np.asarray, v) for v in (got, rows[i][j]))
            assert_close(got, row, what, tolerance(args))
    return 1


def check_batch_last(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
    """`batch_last` agrees with a loop, for each array operand alone and for all."""
    arrays = [k for k, a in enumerate(args) if isinstance(a, np.ndarray | np.generic)]
    if op.batch_last is None or not arrays:
        return
    for chosen in [*([k] for k in arrays), arrays]:
        _check_last_of(op, args, attrs, chosen)


def _check_last_of(
    op: Op, args: tuple[Any, ...], attrs: dict[str, Any], chosen: list[int]
) -> None:
    wide = tuple(k in chosen for k in range(len(args)))
    both = [(a, _variant(a)) if w else (a, a) for a, w in zip(args, wide, strict=True)]
    batched = [
        np.stack(pair, axis=-1) if w else pair[0] for pair, w in zip(both, wide, strict=True)
    ]
    assert op.batch_last is not None
    with np.errstate(all="ignore"):
        stage = Staging(False, False)
        handles = tuple(map(stage.handle, batched))
        try:
            staged = op.batch_last(handles, wide, **attrs)
        except TypeError:  # a refusal
            return
        if staged is None:
            return
        stage.run()
        for i in range(2):
            expected = op.value(*(pair[i] for pair in both), **attrs)
            got = np.take(np.asarray(stage.value(staged)), i, axis=-1)
            what = f"{op.name}: batch along the last axis of {wide}"
            assert_close(got, np.asarray(expected), what, tolerance(args))


CHECKS: tuple[Callable[[Op, tuple[Any, ...], dict[str, Any]], None], ...] = (
    check_type,
    check_pure,
    check_source,
    check_adjoint,
    check_differences,
    check_staged,
    check_batch,
    check_batch_last,
)
