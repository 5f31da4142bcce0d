"""Trees of numbers and arrays in staged code, and a function applied to all rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stagec.errors import Loc, StagecError
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.tracing import (
    Leaves,
    Traced,
    inexact,
    operand_of_leaf,
    rebuilt,
    result_text,
    trace,
)
from stagec.frontend.unify import same_abstract
from stagec.frontend.values import (
    NONE,
    ArrayCell,
    ArrayRef,
    Known,
    Number,
    TupleValue,
    Value,
)
from stagec.ir.build import Builder
from stagec.ir.core import Operand, const, operand_of
from stagec.ir.function import Function
from stagec.ir.inline import inline_into
from stagec.ir.path import Arg, Index
from stagec.ir.types import ArrayType
from stagec.ops.arithmetic import Handle
from stagec.ops.axes import move_axis
from stagec.ops.broadcast import stretch
from stagec.ops.indexing import read_at


def each(
    m: Machine, state: State, f: Value, rows: Value, columns: Value, loc: Loc | None
) -> Value:
    """The results of `f` for each row of an array, along a first axis of each leaf.

    `columns` are the rows along a last axis.  None where the results cannot be had together:
    if there are none, or if rows may take different ways.

    Raises
    ------
    StagecError : if `f` changes something, which would be changed for each row.
    """
    batch, given = m.as_array(state, rows, loc), m.as_array(state, columns, loc)
    traced = trial(m, state, f, rows_at(m, state, (batch,), 0), loc)
    if changes(m, state, traced):
        raise StagecError(
            "SC425", "the Jacobian by columns of a function that changes what is outside of it",
            loc, "use jacrev, or return what is changed",
        )  # fmt: skip
    return side_by_side(m, state, traced, (batch,), (given,), m.transforms.batch)


def rows_at(
    m: Machine, state: State, arrays: Sequence[Handle], j: int | Handle
) -> tuple[Value, ...]:
    """The j-th row of each of the arrays, as values of their own."""
    if isinstance(j, int):
        return tuple(m.wrap(state, read_at(x, (Index((j,)),))) for x in arrays)
    return tuple(m.wrap(state, read_at(x, (Index((Arg(0),)),), j)) for x in arrays)


def side_by_side(
    m: Machine, state: State, traced: Traced, rows: Sequence[Handle],
    columns: Sequence[Handle], batch: Any,
) -> Value:  # fmt: skip
    """What `each` returns, for the traced function of one row of each of several arrays.

    `batch` makes a function of all rows of one of a row, or returns None.
    """
    collected = Leaves(m, traced.inner, [])
    collected.add(traced.value, "")
    if not collected.found:
        return NONE
    one = of_leaves(traced, [leaf for leaf, _ in collected.found])
    found = batch(one, list(range(len(rows))), rows[0].shape[0])
    if found is None:
        return NONE
    function, wide, last = found
    given = [x.operand for x in (columns if last else rows)]
    outs = inline_into(state.builder, function, (*given, *traced.free))
    m.adopt_functions(function)
    made: list[Value] = []
    for out, is_wide in zip(outs, wide, strict=True):
        handle = m.handle(state, out)
        if not is_wide:
            handle = stretch(handle, rows[0])
        elif last:
            handle = move_axis(handle, handle.ndim - 1, 0)
        made.append(m.wrap(state, handle))
    return rebuilt(m, state, traced.value, made, traced.inner)


def trial(
    m: Machine, state: State, f: Value, args: tuple[Value, ...], loc: Loc | None
) -> Traced:
    """`f` staged as a function of its own; the code around does not see what it meets."""
    met = dict(m.outside)
    traced = trace(m, state, f, args, {}, loc)
    m.outside = met
    return traced


def changes(m: Machine, state: State, traced: Traced) -> bool:
    """Whether the traced function changes something of the code around it, or of the caller."""
    around = {**m.shared_cells, **state.cells}
    return any(not same_abstract(around[c], v) for c, v in traced.changed.items())


def of_leaves(traced: Traced, leaves: list[Value]) -> Function:
    """The traced function with the numbers and arrays of its result alone."""
    builder = Builder(list(traced.function.body.stmts))
    places = {id(o): r for o, r in zip(traced.operands, traced.function.results, strict=True)}
    results = tuple(_result(builder, traced, places, leaf) for leaf in leaves)
    body = builder.block(traced.function.params, results)
    return replace(traced.function, body=body, fresh=(False,) * len(results))


def _result(
    builder: Builder, traced: Traced, places: dict[int, Operand], leaf: Value
) -> Operand:
    """A number or an array of the result, in the traced function."""
    if isinstance(leaf, Known):
        return const(leaf.value)
    if isinstance(leaf, Number):
        return places.get(id(leaf.operand), leaf.operand)
    assert isinstance(leaf, ArrayRef)
    cell = traced.inner.cells[leaf.cell]
    assert isinstance(cell, ArrayCell)
    handle = Handle(builder, places[id(cell.operand)])
    if leaf.path:
        index = (Handle(builder, places[id(o)]) for o in leaf.index)
        handle = read_at(handle, leaf.path, *index)
    return operand_of(handle)


def place(m: Machine, state: State, args: Value, number: Value, loc: Loc | None) -> Value:
    """The place of an argument, counted from the front."""
    count = len(m.unpacked(state, args, loc))
    k = m.need_known(state, number, loc, "argnums")
    if not -count <= k < count:
        raise StagecError("SC412", f"jacobian: there is no argument {k}", loc, "check argnums")
    return Known(k % count)


def leaves(m: Machine, state: State, tree: Value, what: Value, loc: Loc | None) -> Value:
    """The floating-point leaves of a tree; `what` calls it in messages.

    Raises
    ------
    StagecError : for complex leaves, and if there is none.
    """
    collected = Leaves(m, state, [])
    collected.add(tree, "")
    found: list[Value] = []
    name = m.need_known(state, what, loc, "what is differentiated")
    for leaf, path in collected.found:
        kind = operand_of_leaf(m, state, leaf, loc).type
        if isinstance(kind, ArrayType) and kind.dtype.kind == "c":
            raise StagecError(
                "SC421", f"the Jacobian of a function with a complex {name}, {kind}{path}", loc,
                "use vjp or jvp, or take the real and the imaginary part as two values",
            )  # fmt: skip
        if inexact(kind):
            found.append(leaf)
    if not found:
        got = result_text(state, tree)
        raise StagecError(
            "SC413", f"the Jacobian of a function whose {name} is {got}", loc,
            "only floating values have derivatives",
        )  # fmt: skip
    return TupleValue(tuple(found))


def rebuild(m: Machine, state: State, tree: Value, made: Value, loc: Loc | None) -> Value:
    """The tree with its floating-point leaves replaced in order, and None for other leaves."""
    collected = Leaves(m, state, [])
    collected.add(tree, "")
    new = list(m.unpacked(state, made, loc))
    given = [
        new.pop(0) if inexact(operand_of_leaf(m, state, leaf, loc).type) else None
        for leaf, _ in collected.found
    ]
    return rebuilt(m, state, tree, given)
