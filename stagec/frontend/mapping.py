"""Trees of arguments and results with an axis each, as `vmap` takes them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, TypeAlias

from stagec.errors import Loc, StagecError
from stagec.frontend import numpy_calls
from stagec.frontend.batching import changes, of_leaves, rows_at, side_by_side, trial
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.tracing import Leaves, is_leaf, rebuilt, result_text
from stagec.frontend.values import NONE, Fields, Items, Known, Ref, TupleValue, Value
from stagec.ir.core import Apply, Block, Effect
from stagec.ir.inline import inline_into
from stagec.ir.rebuild import map_regions
from stagec.ir.walk import ordered, statements
from stagec.ops.arithmetic import Handle
from stagec.ops.axes import move_axis

Visit: TypeAlias = Callable[[Value, int, str], Value]


def units(axes: Any, m: Machine, state: State, tree: Value, loc: Loc | None) -> Value:
    """The leaves of the tree that have an axis, as arrays with that axis first."""
    found: list[Value] = []

    def visit(leaf: Value, axis: int, path: str) -> Value:
        x = m.as_array(state, leaf, loc)
        if not -x.ndim <= axis < x.ndim:
            raise StagecError(
                "SC422", f"vmap over axis {axis} of an argument of type {x.type}{path}", loc,
                "give in_axes=None where all calls share the argument",
            )  # fmt: skip
        found.append(m.wrap(state, move_axis(x, axis % x.ndim, 0)))
        return leaf

    _walk(m, state, tree, axes, visit, "", loc)
    if not found:
        raise StagecError(
            "SC423", "vmap of a function none of whose arguments has an axis to map", loc,
            "give one of them an axis by in_axes",
        )  # fmt: skip
    return TupleValue(tuple(found))


def call_of(
    axes: Any, m: Machine, state: State, tree: Value, parts: Value, loc: Loc | None
) -> Value:
    """The tree with the leaves that have an axis replaced by `parts`, in order."""
    new = iter(m.unpacked(state, parts, loc))
    return _walk(m, state, tree, axes, lambda *_: next(new), "", loc)


def result(m: Machine, state: State, tree: Value, loc: Loc | None) -> Value:
    """A result with its Python booleans, which staging knows, as arrays like other leaves."""

    def visit(leaf: Value, axis: int, path: str) -> Value:
        return m.wrap(state, m.as_array(state, leaf, loc)) if _boolean(leaf) else leaf

    return _walk(m, state, tree, 0, visit, "", loc)


def every(m: Machine, state: State, tree: Value, loc: Loc | None) -> Value:
    """The leaves of what `result` returned."""
    collected = Leaves(m, state, [])
    collected.add(tree, "")
    return TupleValue(tuple(leaf for leaf, _ in collected.found))


def result_of(
    axes: Any, m: Machine, state: State, tree: Value, made: Value, loc: Loc | None
) -> Value:
    """The result `tree` with its leaves replaced by the arrays `made`, each with its first axis
    where `axes` has it.
    """
    new = iter(m.unpacked(state, made, loc))

    def visit(leaf: Value, axis: int, path: str) -> Value:
        x = m.as_array(state, next(new), loc)
        if not -x.ndim <= axis < x.ndim:
            raise StagecError(
                "SC422", f"vmap with axis {axis} in out_axes for a result {x.type}{path}", loc,
                f"its axes are 0 to {x.ndim - 1}",
            )  # fmt: skip
        return m.wrap(state, move_axis(x, 0, axis % x.ndim))

    return _walk(m, state, tree, axes, visit, "", loc)


def together(m: Machine, state: State, f: Value, given: Value, loc: Loc | None) -> Value:
    """The results of `f` for a row of each of the arrays, all rows at once.

    None where that cannot be, see `each`, and where loops are fast.
    """
    if m.transforms.loops:
        return NONE
    rows = _arrays(m, state, given, loc)
    traced = trial(m, state, f, rows_at(m, state, rows, 0), loc)
    if changes(m, state, traced) or any(map(ordered, statements(traced.function.body))):
        return NONE
    return side_by_side(m, state, traced, rows, rows, m.transforms.side_by_side)


def row_of(m: Machine, state: State, given: Value, j: Value, loc: Loc | None) -> Value:
    """The j-th row of each of the arrays, as values of their own."""
    at = numpy_calls.argument(m, state, j, loc)
    return TupleValue(rows_at(m, state, _arrays(m, state, given, loc), at))


def _arrays(m: Machine, state: State, given: Value, loc: Loc | None) -> list[Handle]:
    return [m.as_array(state, x, loc) for x in m.unpacked(state, given, loc)]


def like(m: Machine, state: State, f: Value, row: Value, loc: Loc | None) -> Value:
    """The result of `f` for a row of each array, whose shapes and dtypes will be used: what it
    checks is not checked.

    None if `f` does something besides computing its result.
    """
    traced = trial(m, state, f, tuple(m.unpacked(state, row, loc)), loc)
    collected = every(m, traced.inner, traced.value, loc)
    assert isinstance(collected, TupleValue)
    if changes(m, state, traced):
        return NONE
    one = of_leaves(traced, list(collected.items))
    body = _unchecked(one.body)
    if any(map(ordered, statements(body))):
        return NONE
    outs = inline_into(state.builder, replace(one, body=body), (*traced.entry, *traced.free))
    made = [m.wrap(state, m.handle(state, out)) for out in outs]
    return rebuilt(m, state, traced.value, made, traced.inner)


def _unchecked(block: Block) -> Block:
    """The block without what only raises errors."""
    kept = tuple(
        map_regions(s, _unchecked)
        for s in block.stmts
        if not (isinstance(s, Apply) and s.op.effect is Effect.CHECK and not s.outs)
    )
    return replace(block, stmts=kept)


def _walk(
    m: Machine, state: State, tree: Value, axes: Any, visit: Visit, path: str, loc: Loc | None
) -> Value:
    """The tree with each leaf that has an axis replaced by what `visit` returns for it.

    `axes` is an axis for all leaves, None for none, or a container with axes for each part.
    """
    if axes is None or (isinstance(tree, Known) and tree.value is None):
        return tree

    def part(value: Value, key: Any) -> Value:
        inner = axes if isinstance(axes, int) else axes[key]
        return _walk(m, state, value, inner, visit, f"{path}[{key!r}]", loc)

    content = state.cells[tree.cell] if isinstance(tree, Ref) else tree
    match content:
        case TupleValue(items, cls) if _fits(axes, range(len(items))):
            return TupleValue(tuple(part(v, k) for k, v in enumerate(items)), cls)
        case Items(items) if _fits(axes, range(len(items))):
            new = Items(tuple(part(v, k) for k, v in enumerate(items)))
        case Fields(items) if _fits(axes, [k for k, _ in items]):
            new = Fields(tuple((k, part(v, k)) for k, v in items))
        case _ if isinstance(axes, int) and (is_leaf(tree) or _boolean(tree)):
            return visit(tree, axes, f" at {path}" if path else "")
        case _:
            raise StagecError(
                "SC424", f"vmap with the axes {axes!r} for {result_text(state, tree)}", loc,
                "axes are an integer or None for arrays, or a container like them",
            )  # fmt: skip
    assert isinstance(tree, Ref)
    return Ref(m.new_cell(state, new), tree.cls)


def _fits(axes: Any, keys: Collection[Any]) -> bool:
    """Whether `axes` is one for a whole container, or a container with the same keys."""
    if isinstance(axes, tuple | list):
        return len(axes) == len(keys) and isinstance(keys, range)
    return isinstance(axes, int) or (isinstance(axes, dict) and set(axes) == set(keys))


def _boolean(value: Value) -> bool:
    return isinstance(value, Known) and isinstance(value.value, bool)
