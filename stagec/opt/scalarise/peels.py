"""A copy of which all but its ends is written anew: its ends are taken apart.

    b = a.copy()                       c[0] = a[0] + z[0]
    b[1:] *= y[:-1]             ->     c[1:] = a[1:] * y[:-1] + z[1:]
    c = b + z

What is computed from the array element by element is taken apart too, so that one loop over all
but the ends makes all of it.  The parts are put together where the whole is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stagec.ir.build import Builder
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, Operand, Stmt, Value, const
from stagec.ir.path import Arg, Path
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, affine, same, same_shape
from stagec.ir.walk import uses
from stagec.ops.copying import copy
from stagec.ops.creation import empty
from stagec.ops.extent import extent
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.parts import Margin, Part, inner, path_to, place_of
from stagec.opt.scalarise.groups import array_type, element, pointwise
from stagec.opt.scalarise.trips import on_elements
from stagec.opt.scalarise.views import Views

Operands = tuple[Operand, ...]
ENDS = 2  # elements that are computed one by one; more would be more text than they are worth


def peeled(stmt: Stmt, views: Views) -> Stmt:
    """The loop with the ends of such arrays taken apart, in the blocks inside it."""
    return map_regions(stmt, lambda block: _block(block, views))


def _block(block: Block, views: Views) -> Block:
    """The block with the ends of such arrays taken apart."""
    block = replace(block, stmts=tuple(peeled(s, views) for s in block.stmts))
    applied = [s for s in block.stmts if isinstance(s, Apply)]
    copies: dict[Operand, Operand] = {s.out: s.args[0] for s in applied if s.op is copy}
    begins = {s: m for s in applied if (m := _margin(s, copies)) is not None}
    if not begins:
        return block
    written = {s.args[0] for s in begins}
    sources = {made: source for made, source in copies.items() if made in written}
    builder = _Peeler(begins, sources, views).run(block)
    used = set(mentioned(builder.block((), block.results)))
    dropped = sources.keys() - used
    kept = (s for s in builder.stmts if dropped.isdisjoint(s.outs))
    return replace(block, stmts=tuple(kept))


def _margin(stmt: Apply, copies: Mapping[Operand, Operand]) -> Margin | None:
    """How much of the copy stays, if the statement writes all but its ends."""
    if stmt.op is not update or stmt.args[0] not in copies:
        return None
    base, value = array_type(stmt.args[0]), array_type(stmt.args[1])
    part = inner(stmt) if base is not None and base.rank == 1 else None
    if part is None or base is None or value is None or value.dtype != base.dtype:
        return None
    (margin,) = part.slices
    length = affine((base.shape[0], 1), const=-sum(margin))
    return margin if 0 < sum(margin) <= ENDS and same_shape(value.shape, (length,)) else None


@dataclass(frozen=True, slots=True)
class _Ends:
    """An array in parts.

    `numbers` are the elements at the ends by their indices, `rest` are those between them,
    which leave out the `margin`; `like` is an array of the same length.
    """

    margin: Margin
    numbers: Mapping[int, Operand]
    rest: Operand
    like: Operand


@dataclass(slots=True)
class _Peeler:
    """Goes through one block.

    Attributes
    ----------
    begins : the writes that take an array apart, with what they leave out.
    sources : what the arrays that they write to are copies of.
    views : the parts that statements select.
    apart : the arrays that are in parts.
    whole : those among them that were put together.
    """

    begins: Mapping[Apply, Margin]
    sources: Mapping[Operand, Operand]
    views: Views
    apart: dict[Operand, _Ends] = field(default_factory=dict[Operand, _Ends])
    whole: set[Operand] = field(default_factory=set[Operand])
    builder: Builder = field(default_factory=Builder)

    def run(self, block: Block) -> Builder:
        """The statements of the block with arrays in parts."""
        for stmt in block.stmts:
            self.builder.loc = stmt.loc
            if isinstance(stmt, Apply) and (
                self.begin(stmt) or self.compute(stmt) or self.write(stmt)
            ):
                continue
            self.join(uses(stmt))
            self.builder.append(stmt)
        self.join(block.results)
        return self.builder

    def begin(self, stmt: Apply) -> bool:
        """Take the array apart that the statement writes to; what reads the copy reads what it
        is a copy of, as it is perhaps not needed.
        """
        source = self.sources.get(stmt.args[0]) if stmt.args else None
        if source is None or not (stmt in self.begins or stmt.op is read):
            return False
        self.join((source, *stmt.args[1:]))
        if stmt.op is read:
            self.builder.append(replace(stmt, args=(source, *stmt.args[1:])))
            return True
        margin = self.begins[stmt]
        numbers = {k: self.number(source, k) for k in _indices(margin)}
        self.apart[stmt.out] = _Ends(margin, numbers, stmt.args[1], source)
        return True

    def compute(self, stmt: Apply) -> bool:
        """Compute the parts of what is computed element by element."""
        parts = [self.apart[a] for a in stmt.args if a in self.apart]
        if not parts or stmt.op.shapes or not pointwise(stmt):
            return False
        kind, margin = array_type(stmt.out), parts[0].margin
        arrays = [a for a in stmt.args if array_type(a) is not None]
        shapes = (array_type(a).shape for a in arrays)  # type: ignore[union-attr]
        if kind is None or not all(same_shape(s, kind.shape) for s in shapes):
            return False
        inside = [self.rest(a, margin) if a in arrays else a for a in stmt.args]
        (rest,) = self.builder.add(stmt.op, inside, stmt.kwargs, stmt.out.hint)
        numbers: dict[int, Operand] = {}
        for k in _indices(margin):
            args = tuple(self.number(a, k) if a in arrays else a for a in stmt.args)
            numbers[k] = on_elements(self.builder, stmt, args, element(kind))
        self.apart[stmt.out] = _Ends(margin, numbers, rest, parts[0].like)
        return True

    def write(self, stmt: Apply) -> bool:
        """Write an array in parts to a part of another."""
        if stmt.op not in (update, accumulate) or stmt.args[1] not in self.apart:
            return False
        part, ends = Part.of(stmt, 2), self.apart[stmt.args[1]]
        array, value = array_type(stmt.args[0]), array_type(stmt.args[1])
        if part is None or array is None or value is None or len(part.slices) != 1:
            return False
        axis, (around,) = part.fixed.index(None), part.slices
        if not same(affine((array.shape[axis], 1), const=-sum(around)), value.shape[0]):
            return False
        self.join((stmt.args[0],))
        rest = self.rest(stmt.args[1], ends.margin)
        pieces = [(ends.margin, rest), *ends.numbers.items()]
        paths = [_piece(part, place_of((around,), (at,))[0]) for at, _ in pieces]
        writes = [(path, index, v) for (path, index), (_, v) in zip(paths, pieces, strict=True)]
        self.pieces(stmt, writes)
        return True

    def pieces(self, stmt: Apply, writes: Sequence[tuple[Path, Operands, Operand]]) -> None:
        """Write values to pieces of the array as the statement does."""
        base, loc = stmt.args[0], self.builder.loc
        self.views.forget(stmt.out)
        for k, (path, index, value) in enumerate(writes, 1):
            out = stmt.out if k == len(writes) else Value(stmt.out.type, stmt.out.hint)
            args, attrs = (base, value, *index), (("path", path),)
            self.builder.append(Apply(stmt.op, args, attrs, (out,), loc))
            base = out

    def rest(self, array: Operand, margin: Margin) -> Operand:
        """The elements between the ends."""
        ends = self.apart.get(array)
        if ends is not None and ends.margin == margin and array not in self.whole:
            return ends.rest
        self.join((array,))
        return self.builder.add(read, (array,), {"path": path_to((margin,)), "view": True})[0]

    def number(self, array: Operand, at: int) -> Operand:
        """The element at one of the ends."""
        ends = self.apart.get(array)
        if ends is not None and at in ends.numbers:
            return ends.numbers[at]
        self.join((array,))
        return self.builder.add(read, (array,), {"path": path_to((at,)), "view": False})[0]

    def join(self, operands: Iterable[Operand]) -> None:
        """Put together those arrays that are in parts."""
        for array in operands:
            if array not in self.apart or array in self.whole:
                continue
            assert isinstance(array, Value)
            ends, kind = self.apart[array], array_type(array)
            assert kind is not None
            self.whole.add(array)
            base = self.empty(kind, ends.like)
            pieces = [(ends.margin, ends.rest), *ends.numbers.items()]
            writes = [(path_to((at,)), (), value) for at, value in pieces]
            self.pieces(Apply(update, (base,), (), (array,)), writes)

    def empty(self, kind: ArrayType, like: Operand) -> Operand:
        """A new array of this type, as long as the other."""
        (dim,) = kind.shape
        sizes: tuple[Operand, ...] = ()
        if not isinstance(dim, int):
            hint = str(dim) if str(dim).isidentifier() else ""
            sizes = self.builder.add(extent, (like,), {"axis": 0}, hint)
        attrs = {"shape": (Arg(0) if sizes else dim,), "dtype": kind.dtype}
        return self.builder.add(empty, sizes, attrs)[0]


def _piece(part: Part, place: int | Margin) -> tuple[Path, Operands]:
    """The path to a piece of the part, which is at this place of its only slice."""
    axis = part.fixed.index(None)
    fixed, margins = list(part.fixed), list(part.margins)
    fixed[axis] = const(place) if isinstance(place, int) else None
    margins[axis] = None if isinstance(place, int) else place
    return Part(tuple(fixed), tuple(margins)).path()


def _indices(margin: Margin) -> tuple[int, ...]:
    """The indices of the elements at the ends."""
    front, behind = margin
    return (*range(front), *range(-behind, 0))
