"""Lists that are elements of lists: written to where they are, each element of one list only.

    r = list_get(rows, i)
    r' = list_set(r, j, v)               rows[i][j] = v
    rows' = list_set(rows, i, r')   ->

`rows` shows the new element before the second `list_set` puts it back; nobody looks meanwhile.
That no other element of `rows` changes with it takes elements that are different objects: what
is put into such a list is copied, unless it was surely made anew for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from stagec.ir.alias import Memory, depth
from stagec.ir.core import Apply, Block, For, Stmt, Value, While
from stagec.ir.function import Function
from stagec.ir.types import ArrayType, ListType, Type
from stagec.ir.walk import operands, regions, statements
from stagec.ops.lists import list_get, list_set
from stagec.opt.bufferise.loops import Loop
from stagec.opt.bufferise.state import State

Kind: TypeAlias = tuple[object, ...]
PutBacks: TypeAlias = dict[Stmt, Apply]


def put_backs(body: Block) -> PutBacks:
    """For each write to an element of a list the statement that puts the element back."""
    found: PutBacks = {}
    nested = (region for stmt in statements(body) for region in regions(stmt))
    for block in (body, *nested):
        made = {out: s for s in block.stmts if isinstance(s, Apply) for out in s.outs}
        for stmt in made.values():
            if stmt.op is list_set and isinstance(stmt.args[2].type, ListType):
                found |= dict.fromkeys(_writes(stmt, made), stmt)
    return found


def _writes(put: Apply, made: dict[Value, Apply]) -> list[Apply]:
    """The writes to the element between where it is got and where it is put back."""
    found: list[Apply] = []
    value = put.args[2]
    while isinstance(value, Value) and (stmt := made.get(value)) is not None:
        if stmt.op is list_get:
            return found if stmt.args == put.args[:2] else []
        if stmt.op.overwrites is None or value is not stmt.outs[0]:
            break
        found.append(stmt)
        value = stmt.args[stmt.op.overwrites]
    return []


def owners(state: State, puts: PutBacks, stmt: Stmt) -> set[Value]:
    """The lists that the current statement, which writes to an element, may change too."""
    found: set[Value] = set()
    block, position = state.frames[-1].block, state.frames[-1].position
    while (put := puts.get(stmt)) is not None:
        owner = put.args[0]
        assert isinstance(owner, Value)
        end = state.uses.last[block][owner]
        if state.live_level(owner) != len(state.frames) - 1 or end >= len(block.stmts):
            break  # it lives on outside of the block, or as a result of it
        if block.stmts[end] is not put:
            break
        between = block.stmts[position:end]
        if any(owner in operands(s) or state.uses.inside(s, owner) for s in between):
            break
        found.add(owner)
        stmt = put
    return found


# --- elements that are different objects -----------------------------------------------------


def kinds_of(functions: Iterable[Function]) -> set[Kind]:
    """The kinds of the lists of lists whose elements must be different objects: those that are
    written to through the list, here or by whoever gets a result.
    """
    found: set[Kind] = set()
    for fn in functions:
        types = [r.type for r in fn.results]
        types += [put.args[0].type for put in put_backs(fn.body).values()]
        for type in types:
            while isinstance(type, ListType) and type.nested:
                found.add(_kind(type))
                type = type.element
    return found


def _kind(type: Type) -> Kind:
    if isinstance(type, ListType):
        return ("list", *_kind(type.element))
    return (type.dtype, type.kind, type.rank) if isinstance(type, ArrayType) else (type,)


def stored(stmt: Apply, kinds: set[Kind]) -> list[int]:
    """The positions of the lists that become elements of a list of one of these kinds."""
    type = stmt.outs[0].type if stmt.outs else None
    if not isinstance(type, ListType) or _kind(type) not in kinds:
        return []
    level = depth(type) or 0
    return [
        k
        for k, arg in enumerate(stmt.args)
        if isinstance(arg, Value)
        and k not in (stmt.op.overwrites, *stmt.op.shapes)
        and isinstance(arg.type, ListType)
        and (depth(arg.type) or 0) < level
    ]


def is_new(state: State, loops: dict[For | While, Loop], args: list[Memory], k: int) -> bool:
    """Whether operand `k` was surely made in this trip, and is in no other operand."""
    frames = [f.stmt for f in state.frames if isinstance(f.stmt, For | While)]
    mark = loops[frames[-1]].mark if frames else 0
    made = state.bases(args[k].own)
    if not all(
        a.carry is None and not a.fixed and not a.param and state.born_after(a, mark)
        for a in made
    ):
        return False
    return not any(state.overlap(args[k].own, m.all) for j, m in enumerate(args) if j != k)
