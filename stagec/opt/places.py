"""Single elements that innermost loops read and write, and which of them are surely others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stagec.ir.alias import path_of, path_operands
from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, Operand, const
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index, Path
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, Dim, affine
from stagec.ops.extent import extent
from stagec.ops.index_bounds import Indices
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.elements import is_element

Where = tuple[Path, tuple[Operand, ...]]
Rewrite = Callable[[Indices, Builder, For], None]


def at_innermost(fn: Function, rewrite: Rewrite) -> Function:
    """The function with what `rewrite` appends in place of each loop that makes all its trips
    and holds ops alone; it gets what is known of integers there.
    """
    indices = Indices.of(fn)

    def changed(block: Block) -> Block:
        builder = Builder()
        with indices.scope(block):
            for stmt in block.stmts:
                indices.note(stmt)
                made = map_regions(stmt, changed)
                if (
                    isinstance(made, For)
                    and not made.until
                    and all(isinstance(s, Apply) for s in made.body.stmts)
                ):
                    rewrite(indices, builder, made)
                else:
                    builder.append(made)
        return replace(block, stmts=tuple(builder.stmts))

    functions = tuple(at_innermost(f, rewrite) for f in fn.functions)
    return replace(fn, body=changed(fn.body), functions=functions)


def touched(loop: For, k: int) -> list[Apply] | None:
    """What reads and writes elements of the carry number `k` of an innermost loop, in order.

    None if something else is done with the array, if it is not written to, or if it has not
    one version after the other.
    """
    array = latest = loop.body.params[1 + k]
    versions = {array}
    found: list[Apply] = []
    for s in loop.body.stmts:
        assert isinstance(s, Apply)
        used = versions.intersection(s.args)
        if not used or s.op is extent:
            continue
        if s.op not in (read, update, accumulate) or s.args[0] not in used or len(used) > 1:
            return None
        if not is_element(s) or (s.op is not read and s.args[0] is not latest):
            return None
        found.append(s)
        if s.op is not read:
            latest = s.out
            versions.add(latest)
    others = (r for j, r in enumerate(loop.body.results) if j != k)
    carried = loop.body.results[k] is latest and latest is not array
    return found if carried and versions.isdisjoint(others) else None


def writes_number(stmt: Apply) -> bool:
    """Whether what the op writes is a number of the array's element type."""
    array, value = stmt.args[0].type, stmt.args[1].type
    assert isinstance(array, ArrayType)
    number = isinstance(value, ArrayType) and not value.rank and value.kind != "array"
    return number and value.dtype == array.dtype  # type: ignore[union-attr]


def where_of(stmt: Apply) -> Where:
    """The place that the op reads or writes."""
    return path_of(stmt) or (), path_operands(stmt)


def apart(indices: Indices, place: Where, other: Where) -> bool:
    """Whether the second is surely another element of the array than the first, whatever the
    indices of the loops around them are.
    """
    pairs = zip(from_front(indices, place), from_front(indices, other), strict=True)
    return any(_less(indices, a, b) or _less(indices, b, a) for a, b in pairs)


def operands_of(place: Where) -> list[Operand]:
    """The indices of an element."""
    path, operands = place
    items = path[0].items if isinstance(path[0], Index) else ()
    return [
        operands[i.position] if isinstance(i, Arg) else const(i)
        for i in items
        if isinstance(i, int | Arg)
    ]


def from_front(indices: Indices, place: Where) -> list[Dim]:
    """The indices of an element as expressions; None: one that may count from the end."""
    found = map(indices.facts.of, operands_of(place))
    return [at if indices.facts.natural(at) else None for at in found]


def _less(indices: Indices, a: Dim, b: Dim) -> bool:
    """Whether the one index is surely less than the other."""
    return indices.facts.holds(affine((b, 1), (a, -1), const=-1))
