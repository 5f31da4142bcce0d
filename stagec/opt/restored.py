"""What is read of a part that was just copied from a tape is read from the tape.

    a[1:m] = tape[m - 1, :m - 1]           ->      s += np.sum(t * tape[m - 1, :m - 1][::-1])
    s += np.sum(t * a[m - 1:0:-1])

So backward loops restore what the program has written to.  The part that is read has to lie
inside of the part that was written, for sure, and nothing may write to the tape any more.  The
copy stays where anything else needs it; else `dce` drops it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from stagec.ir.build import freeze
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, Operand, Value
from stagec.ir.function import Function
from stagec.ir.path import Index, Path, Slice
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, affine, same
from stagec.ir.walk import rename, statements
from stagec.ops.extent import extent
from stagec.ops.indexing import is_view, read, update
from stagec.opt.dce import dce
from stagec.opt.scalarise.lengths import with_lengths
from stagec.opt.scalarise.places import Place
from stagec.opt.scalarise.views import View, Views


def restored(fn: Function) -> Function:
    """The function with such reads."""
    functions = tuple(map(restored, fn.functions))
    makers = {
        s.out: s for s in statements(fn.body) if isinstance(s, Apply) and len(s.outs) == 1
    }
    uses = Counter(mentioned(fn.body))
    uses.subtract(s.args[0] for s in makers.values() if s.op in (read, extent))
    reads = [(s, w) for s in makers.values() if (w := _copied(s, makers, uses)) is not None]
    if not reads:
        return replace(fn, functions=functions)
    found = with_lengths(fn.body)
    known = {s.outs[0]: s for s in statements(found.block) if isinstance(s, Apply)}
    instead: dict[Value, Apply] = {}
    for stmt, write in reads:
        part, whole = (known.get(rename(s.out, found.names)) for s in (stmt, write))  # type: ignore[arg-type]
        path = None if part is None or whole is None else _inside(found.views, part, whole)
        if path is not None:
            instead[stmt.out] = _of(stmt, write, path)
    if not instead:
        return replace(fn, functions=functions)
    return dce(replace(fn, body=_Reads(instead).block(fn.body), functions=functions))


@dataclass(frozen=True, slots=True)
class _Reads:
    """The reads that change, by their results."""

    instead: Mapping[Value, Apply]

    def block(self, block: Block) -> Block:
        """The block with the changes made."""
        stmts = (
            self.instead.get(s.outs[0], s)
            if isinstance(s, Apply) and s.outs
            else map_regions(s, self.block)
            for s in block.stmts
        )
        return replace(block, stmts=tuple(stmts))


def _copied(
    stmt: Apply, makers: Mapping[Value, Apply], uses: Mapping[Operand, int]
) -> Apply | None:
    """The copy into a part of an array that the statement reads, if it reads of one.

    `uses` counts what is done to values, reading aside.
    """
    write = makers.get(stmt.args[0]) if stmt.op is read else None  # type: ignore[arg-type]
    if write is None or write.op is not update:
        return None
    array, value = write.args[:2]
    source = makers.get(value)  # type: ignore[arg-type]
    if source is None or source.op is not read or uses[source.args[0]]:
        return None
    if not (isinstance(array.type, ArrayType) and isinstance(value.type, ArrayType)):
        return None
    views = stmt.kwargs["view"] and source.kwargs["view"]
    return write if views and array.type.dtype == value.type.dtype else None


def _of(stmt: Apply, write: Apply, path: Path) -> Apply:
    """The read, of what was written."""
    attrs = freeze({"path": path, "view": is_view(path, ())})
    return replace(stmt, args=(write.args[1],), attrs=attrs)


def _inside(views: Views, stmt: Apply, write: Apply) -> Path | None:
    """The path from what was written to what is read; None where that cannot be said."""
    part, whole = views.of(stmt), views.of(write)
    value = write.args[1].type
    assert isinstance(value, ArrayType)
    if part is None or whole is None or not len(part.shape) == len(whole.shape) == value.rank:
        return None
    if not all(same(a, b) for a, b in zip(value.shape, whole.shape, strict=True)):
        return None  # it was broadcast
    items: list[Slice] = []
    for inner, outer in zip(part.places, whole.places, strict=True):
        if outer.loop is None or inner.loop is None:
            if inner != outer or not (inner.inside and inner.plain):
                return None
            continue
        if inner.loop != outer.loop or outer.loop != len(items):
            return None
        item = _cut(inner, outer, part, whole)
        if item is None:
            return None
        items.append(item)
    return (Index(tuple(items)),) if len(items) == value.rank else None


def _cut(inner: Place, outer: Place, part: View, whole: View) -> Slice | None:
    """The slice of an axis of what was written that is the slice of the array."""
    if outer.step != 1 or inner.step not in (1, -1) or not (inner.plain and outer.plain):
        return None
    assert inner.loop is not None
    length = part.shape[inner.loop]
    first = affine((inner.start, 1), (outer.start, -1))  # type: ignore[arg-type]
    last = affine((first, 1), (length, inner.step), const=-inner.step)
    low, high = (first, last) if inner.step == 1 else (last, first)
    behind = affine((whole.shape[inner.loop], 1), (high, -1), const=-1)
    if not isinstance(low, int) or not isinstance(behind, int) or min(low, behind) < 0:
        return None
    if inner.step == 1:
        return Slice(low or None, -behind or None)
    return Slice(-behind - 1 if behind else None, low - 1 if low else None, -1)
