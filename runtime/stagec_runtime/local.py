"""Small arrays of a kernel of which only elements are used; needs Numba.

They lie on the stack: LLVM then knows that nothing else refers to their memory, and keeps their
elements in registers where it writes out the loops over them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

from numba.core import ir, types
from numba.core.ir_utils import find_const, get_definition, guard

from stagec_runtime.creations import MADE

MOST = 64  # elements
PLAIN = (types.Number, types.Boolean)
MAKERS = tuple(MADE[name] for name in ("empty", "zeros"))


@dataclass(frozen=True, slots=True)
class SmallArrays:
    """Those of a kernel: the calls that make them, with the lengths of axes, and the variables
    that hold them and nothing else.
    """

    calls: dict[Any, tuple[int, ...]]
    names: frozenset[str]


def small_arrays(func_ir: Any, typemap: dict[str, Any]) -> SmallArrays:
    """Such arrays of a kernel; one that each trip of a loop makes has the same memory on all.

    A variable that may hold an array of the trip before, as others that hold one of several, is
    not followed: it is assigned to in several places, since Numba has given variables a version
    for each assignment, and one where several, or one and nothing, meet.
    """
    given = Counter(
        s.target.name for block in func_ir.blocks.values() for s in block.find_insts(ir.Assign)
    )
    found: dict[str, tuple[Any, tuple[int, ...]]] = {}  # by variables
    for block in func_ir.blocks.values():
        for target, call in _calls(block):
            lengths = _lengths(func_ir, typemap, call)
            if lengths and given[target.name] == 1:
                found[target.name] = call, lengths
    if not found:
        return SmallArrays({}, frozenset())
    origins = {name: name for name in found}
    for block in func_ir.blocks.values():
        for stmt in block.find_insts(ir.Assign):
            source, name = stmt.value, stmt.target.name
            if isinstance(source, ir.Var) and source.name in origins and given[name] == 1:
                origins[name] = origins[source.name]
    seen = set[str]()
    for block in func_ir.blocks.values():
        for stmt in block.body:
            seen |= {origins[v] for v in _seen_whole(stmt, typemap, origins) if v in origins}
    return SmallArrays(
        {call: lengths for name, (call, lengths) in found.items() if name not in seen},
        frozenset(name for name, origin in origins.items() if origin not in seen),
    )


def _calls(block: Any) -> Iterator[tuple[Any, Any]]:
    for stmt in block.find_insts(ir.Assign):
        if isinstance(stmt.value, ir.Expr) and stmt.value.op == "call":
            yield stmt.target, stmt.value


def _lengths(func_ir: Any, typemap: dict[str, Any], call: Any) -> tuple[int, ...]:
    """The lengths of the axes of a new array, if they are known and it is small."""
    kind = typemap[call.func.name]
    made = isinstance(kind, types.Function) and kind.typing_key in MAKERS
    if not made or not call.args or call.vararg is not None:
        return ()
    shape = guard(find_const, func_ir, call.args[0])
    if shape is None:
        built = guard(get_definition, func_ir, call.args[0])
        items = built.items if isinstance(built, ir.Expr) and built.op == "build_tuple" else []
        shape = tuple(guard(find_const, func_ir, item) for item in items)
    lengths: tuple[Any, ...] = shape if isinstance(shape, tuple) else (shape,)
    count = 1
    for n in lengths:
        if type(n) is not int or n < 1:
            return ()
        count *= n
    return lengths if count <= MOST else ()


def _seen_whole(stmt: Any, typemap: dict[str, Any], names: Container[str]) -> Iterator[str]:
    """The variables of which the statement uses more than an element or the shape.

    It may give an array one of the names that are followed.
    """
    match stmt:
        case ir.Del():
            return
        case ir.SetItem():
            yield from _unless(isinstance(typemap[stmt.value.name], PLAIN), stmt.target)
            yield from (stmt.index.name, stmt.value.name)
        case ir.StaticSetItem():
            yield from _unless(isinstance(typemap[stmt.value.name], PLAIN), stmt.target)
            yield stmt.value.name
        case ir.Assign(value=ir.Var() as given):
            if stmt.target.name not in names:
                yield given.name
        case ir.Assign(value=ir.Expr(op="getitem" | "static_getitem") as read):
            yield from _unless(isinstance(typemap[stmt.target.name], PLAIN), read.value)
        case ir.Assign(value=ir.Expr(op="getattr") as read) if read.attr == "shape":
            return
        case _:
            made = stmt.target if isinstance(stmt, ir.Assign) else None
            yield from (v.name for v in stmt.list_vars() if v is not made)


def _unless(element: bool, array: Any) -> Iterator[str]:
    if not element:
        yield array.name
