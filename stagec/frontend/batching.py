"""A function of staged code applied to all rows of an array at once."""

from __future__ import annotations

from dataclasses import replace

from stagec.errors import Loc
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.tracing import Traced, trace
from stagec.frontend.unify import same_abstract
from stagec.frontend.values import NONE, ArrayCell, ArrayRef, Number, Value
from stagec.ir.build import Builder
from stagec.ir.core import operand_of
from stagec.ir.function import Function
from stagec.ir.inline import inline_into
from stagec.ir.path import Index
from stagec.ops.arithmetic import Handle
from stagec.ops.axes import move_axis
from stagec.ops.broadcast import stretch
from stagec.ops.indexing import read_at


def each(
    m: Machine, state: State, f: Value, rows: Value, columns: Value, loc: Loc | None
) -> Value:
    """The results of `f` for each row of an array, along a first axis.

    `columns` are the rows along a last axis.  None where the results cannot be had together:
    if they are no arrays or numbers, if rows may take different ways, or if `f` changes
    something.
    """
    batch = m.as_array(state, rows, loc)
    row = m.wrap(state, read_at(batch, (Index((0,)),)))  # its type is what matters
    traced = trace(m, state, f, (row,), {}, loc)
    changes = any(not same_abstract(state.cells[c], v) for c, v in traced.changed.items())
    if changes or not isinstance(traced.value, ArrayRef | Number):
        return NONE
    one = _of_result(traced)
    found = m.transforms.batch(one, [0], batch.shape[0])
    if found is None:
        return NONE
    function, (wide,), last = found
    given = m.as_array(state, columns, loc) if last else batch
    (out,) = inline_into(state.builder, function, (given.operand, *traced.free))
    m.adopt_functions(function)
    handle = m.handle(state, out)
    if not wide:
        handle = stretch(handle, batch)
    elif last:
        handle = move_axis(handle, handle.ndim - 1, 0)
    return m.wrap(state, handle)


def _of_result(traced: Traced) -> Function:
    """The traced function with its result alone, which is a number or an array."""
    builder = Builder(list(traced.function.body.stmts))
    places = {id(o): r for o, r in zip(traced.operands, traced.function.results, strict=True)}
    value = traced.value
    if isinstance(value, Number):
        result = places[id(value.operand)]
    else:
        assert isinstance(value, ArrayRef)
        cell = traced.inner.cells[value.cell]
        assert isinstance(cell, ArrayCell)
        handle = Handle(builder, places[id(cell.operand)])
        if value.path:
            index = (Handle(builder, places[id(o)]) for o in value.index)
            handle = read_at(handle, value.path, *index)
        result = operand_of(handle)
    body = builder.block(traced.function.params, (result,))
    return replace(traced.function, body=body, fresh=(False,))
