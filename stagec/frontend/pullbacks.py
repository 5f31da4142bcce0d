"""Pullbacks in staged code: cotangents in, cotangents out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import arrays, list_library, numpy_calls, staged_lists
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.tracing import Traced, adopt, inexact, operand_of_leaf, rebuilt, trace
from stagec.frontend.transforming import cotangent, inexact_or_list, mismatch, seed
from stagec.frontend.unify import Unjoinable, element_emitter, element_type
from stagec.frontend.values import (
    ArrayCell,
    ArrayRef,
    Columns,
    Content,
    Fields,
    Intrinsic,
    Items,
    Known,
    Number,
    Ref,
    Row,
    StagedItems,
    StagedList,
    TupleValue,
    Value,
)
from stagec.ir.core import Const, Operand, Undef, Value as Staged, zero
from stagec.ir.function import Function
from stagec.ir.inline import inline_into
from stagec.ir.types import ArrayType, ListType, Type
from stagec.ops import lists
from stagec.ops.arithmetic import Handle
from stagec.ops.indexing import accumulate_at, read_at


@dataclass(slots=True)
class Pulled:
    """A pullback in staged code: the backward function and what it takes.

    `held` has the containers of the arguments, as they were when the function was called.
    """

    traced: Traced
    held: State
    backward: Function
    residuals: tuple[Operand, ...]
    leaves: list[int]
    seeds: list[Operand]
    value: Value
    primals: dict[Operand, Operand]


def pullback(
    m: Machine, state: State, f: Value, args: tuple[Value, ...], loc: Loc | None
) -> tuple[Value, Pulled]:
    """The value of `f(*args)` and its pullback."""
    held = State(state.builder, dict(state.cells))
    traced = trace(m, state, f, args, {}, loc)
    leaves = [k for k, p in enumerate(traced.params) if inexact(p.type)]
    of = [k for k, o in enumerate(traced.operands) if inexact_or_list(o.type)]
    pull = m.transforms.reverse(traced.function, leaves, of)
    outs = inline_into(state.builder, pull.forward, (*traced.entry, *traced.free))
    m.adopt_functions(pull.forward)
    count = len(traced.operands)
    value = adopt(m, state, traced, outs[:count])
    seeds = [traced.operands[k] for k in of]
    primals: dict[Operand, Operand] = {}
    for operand, out in zip(traced.operands, outs, strict=False):
        if isinstance(operand.type, ListType):
            if inexact_or_list(operand.type):
                # the list itself may have changed when its cotangent comes
                primals[operand] = lists.list_zeros(m.handle(state, out)).operand
        elif isinstance(operand, Staged):
            primals[operand] = out
    residuals = tuple(outs[count:])
    pulled = Pulled(
        traced, held, pull.backward, residuals, leaves, seeds, traced.value, primals
    )
    return value, pulled


def pull_back(
    m: Machine,
    state: State,
    pulled: Pulled,
    args: tuple[Value, ...],
    ct: Value,
    loc: Loc | None,
) -> Value:
    """The cotangents of the arguments for a cotangent of the result."""
    given: dict[int, Operand] = {}
    collect_cotangents(m, state, pulled, pulled.value, ct, given, loc)
    seeds: list[Operand] = []
    for operand in pulled.seeds:
        found = given.get(id(operand))
        seeds.append(zero_of(m, state, operand, pulled) if found is None else found)
    outs = inline_into(state.builder, pulled.backward, (*pulled.residuals, *seeds))
    m.adopt_functions(pulled.backward)
    found = dict(zip(pulled.leaves, outs, strict=True))
    leaves = [
        cotangent(m, state, pulled.traced, k, found) for k in range(len(pulled.traced.params))
    ]
    return TupleValue(tuple(rebuilt(m, state, a, leaves, pulled.held) for a in args))


def zero_of(m: Machine, state: State, operand: Operand, pulled: Pulled) -> Operand:
    """A zero cotangent for a result that got none."""
    kind = operand.type
    if isinstance(kind, ListType):
        return m.primal_of(pulled, operand)
    assert isinstance(kind, ArrayType)
    if kind.kind != "array":
        return zero(kind)
    like = m.primal_of(pulled, operand)
    zeros = numpy_calls.TABLE[np.zeros_like]
    return zeros(m.handle(state, like)).operand


def collect_cotangents(
    m: Machine, state: State, pulled: Pulled, value: Value, ct: Value,
    given: dict[int, Operand], loc: Loc | None,
) -> None:  # fmt: skip
    """Match the cotangent tree with the result tree."""
    if isinstance(ct, Known) and ct.value is None:
        return
    match value:
        case Number(operand):
            if inexact(operand.type) and not isinstance(operand, Const | Undef):
                like = m.handle(state, m.primal_of(pulled, operand))
                got = seed(m, state, ct, operand.type, like, loc)
                add_cotangent(m, state, given, operand, got)
        case ArrayRef():
            if inexact(arrays.type_of(pulled.traced.inner, value)):
                add_array_cotangent(m, state, pulled, value, ct, given, loc)
        case TupleValue() | Ref():
            inner = pulled.traced.inner
            content = value if isinstance(value, TupleValue) else inner.cells[value.cell]
            if isinstance(content, StagedList | Row):
                add_list_cotangent(m, state, pulled, content, ct, given, loc)
                return
            for v, c in matched_parts(m, state, content, ct, loc):
                collect_cotangents(m, state, pulled, v, c, given, loc)
        case _:
            return


def matched_parts(
    m: Machine, state: State, content: Content, ct: Value, loc: Loc | None
) -> list[tuple[Value, Value]]:
    """The parts of a result container, each with its cotangent."""
    match content:
        case TupleValue(items) | Items(items):
            parts = m.unpacked(state, ct, loc)
            if len(parts) != len(items):
                raise mismatch(loc)
            return list(zip(items, parts, strict=True))
        case Fields(pairs):
            given = m.pairs(state, ct, loc)
            if any(k not in given for k, _ in pairs):
                raise mismatch(loc)
            return [(v, given[k]) for k, v in pairs]
        case _:
            return []


def add_array_cotangent(
    m: Machine, state: State, pulled: Pulled, ref: ArrayRef, ct: Value,
    given: dict[int, Operand], loc: Loc | None,
) -> None:  # fmt: skip
    """Add the cotangent of an array or view in a result to that of the whole array."""
    inner = pulled.traced.inner
    cell, kind = inner.cells[ref.cell], arrays.type_of(inner, ref)
    assert isinstance(cell, ArrayCell)
    whole = m.handle(state, m.primal_of(pulled, cell.operand))
    index = [m.handle(state, pulled.primals.get(o, o)) for o in ref.index]
    like = read_at(whole, ref.path, *index) if ref.path else whole
    got = seed(m, state, ct, kind, like, loc)
    if ref.path:
        zeros = m.handle(state, zero_of(m, state, cell.operand, pulled))
        got = accumulate_at(zeros, m.handle(state, got), ref.path, *index).operand
    add_cotangent(m, state, given, cell.operand, got)


def add_list_cotangent(
    m: Machine, state: State, pulled: Pulled, content: StagedList | Row, ct: Value,
    given: dict[int, Operand], loc: Loc | None,
) -> None:  # fmt: skip
    """Add the cotangents of the items of a list of run-time length to those of the list."""
    if isinstance(content, Row):
        raise StagecError(
            "SC420", "a result is a list that is an item of a list of run-time length", loc,
            "return a copy of it, or the whole list",
        )  # fmt: skip
    if isinstance(content, Columns):
        for k, column in enumerate(content.columns):
            if any(inexact_or_list(o.type) for o in staged_lists.operands(column)):
                part = m.call_value(state, list_library.column_, (ct, Known(k)), {}, loc)
                add_list_cotangent(m, state, pulled, column, part, given, loc)
    elif inexact_or_list(content.operand.type):
        before = given.get(id(content.operand))
        total = m.primal_of(pulled, content.operand) if before is None else before
        given[id(content.operand)] = list_sum(m, state, total, ct, loc)


def list_sum(m: Machine, state: State, total: Operand, ct: Value, loc: Loc | None) -> Operand:
    """The list `total` with the cotangents added to its items."""
    kind = total.type
    assert isinstance(kind, ListType)
    known = Ref(m.new_cell(state, StagedItems(total)), list)
    content = m.inside(state, ct) if isinstance(ct, Ref) else ct
    if not isinstance(content, Items | TupleValue | StagedItems):
        raise mismatch(loc)
    m.call_value(state, list_library.same_length_, (known, ct), {}, loc)
    if not isinstance(content, StagedItems):
        zeros = lists.list_zeros(m.handle(state, total))
        likes = [lists.list_get(zeros, k) for k in range(len(content.items))]
        made = [
            item_seed(m, state, like, v, loc)
            for like, v in zip(likes, content.items, strict=True)
        ]
        (new,) = state.builder.add(lists.list_new, made, {"element": kind.element})
        ct = Ref(m.new_cell(state, StagedItems(new)), list)
    leaf, depth = leaf_of(kind)
    made = m.call_value(state, list_library.added_, (known, ct, Known(depth)), {}, loc)
    try:
        found, emit = element_type(state, made), element_emitter(m, state, made)
    except Unjoinable:
        raise mismatch(loc) from None
    if found is not None and leaf_of(found)[0].dtype.kind == "c" != leaf.dtype.kind:
        raise StagecError(
            "SC418", f"a complex tangent or cotangent for a value of type {kind}",
            loc, "give it the type of the value: take its real part",
        )  # fmt: skip
    return emit(state, kind)


def item_seed(m: Machine, state: State, like: Handle, ct: Value, loc: Loc | None) -> Operand:
    """The cotangent of an item of a list, in the type of the item; `like` is a zero of it."""
    if isinstance(ct, Known) and ct.value is None:
        return like.operand
    kind = like.operand.type
    if isinstance(kind, ListType):
        return list_sum(m, state, like.operand, ct, loc)
    return seed(m, state, ct, kind, like, loc)


def leaf_of(kind: Type) -> tuple[ArrayType, int]:
    """The type of what is in a list, or in the lists in it, and how deep those are nested."""
    depth = -1
    while isinstance(kind, ListType):
        depth, kind = depth + 1, kind.element
    assert isinstance(kind, ArrayType)
    return kind, depth


def add_cotangent(
    m: Machine, state: State, given: dict[int, Operand], operand: Operand, got: Operand
) -> None:
    """Add to the cotangent of a result that appears several times."""
    before = given.get(id(operand))
    if before is not None:
        got = (m.handle(state, before) + m.handle(state, got)).operand
    given[id(operand)] = got


def pullback_value(pulled: Pulled, args: tuple[Value, ...]) -> Intrinsic:
    """The pullback as a function of staged code."""

    def run(
        m: Machine, state: State, given: tuple[Value, ...], kwargs: Any, loc: Loc | None
    ) -> Value:
        return pull_back(m, state, pulled, args, given[0], loc)

    return Intrinsic("pullback", run)


def pull_back_later(
    m: Machine, state: State, kept: tuple[Pulled, tuple[Value, ...]], residuals: Value,
    primals: Value, ct: Value, loc: Loc | None,
) -> Value:  # fmt: skip
    """The cotangents of the arguments of an earlier call, from what it kept."""
    pulled, args = kept
    given = tuple(residual(m, state, v, loc) for v in m.unpacked(state, residuals, loc))
    seen = [residual(m, state, v, loc) for v in m.unpacked(state, primals, loc)]
    now = replace(pulled, residuals=given, primals=dict(zip(pulled.primals, seen, strict=True)))
    return pull_back(m, state, now, args, ct, loc)


def residual(m: Machine, state: State, value: Value, loc: Loc | None) -> Operand:
    """The operand of a residual handed back."""
    if isinstance(value, Ref):
        content = m.inside(state, value)
        if isinstance(content, StagedItems):
            return content.operand
    return operand_of_leaf(m, state, value, loc)
