"""The loops of a group: one nest, with the elements of arrays as its values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Fold, Operand, Value, const
from stagec.ir.path import Arg
from stagec.ir.types import ArrayType, Dim, Size, affine, same
from stagec.ops.arithmetic import Handle
from stagec.ops.creation import empty
from stagec.ops.effects import agree
from stagec.ops.extent import extent
from stagec.ops.filling import full
from stagec.ops.indexing import read
from stagec.ops.rounding import py_max
from stagec.opt.scalarise.additions import Additions, backwards, postponed
from stagec.opt.scalarise.folds import Index, Running, State
from stagec.opt.scalarise.groups import Access, Group, array_type
from stagec.opt.scalarise.loops import Loops, Work
from stagec.opt.scalarise.orders import innermost
from stagec.opt.scalarise.places import Places
from stagec.opt.scalarise.sizes import Sizes
from stagec.opt.scalarise.trips import Trip, plain, shifted

SHORT = 8  # steps of a reduction that are written out


@dataclass(slots=True)
class Nest:
    """Emits the nest of a group into `builder`.

    Attributes
    ----------
    needed : what is used outside of the nest.
    sizes : what is known of sizes in front of the nest.
    taken : the names of the indices of the loops around.
    extents : the length of each axis of the iteration space.
    ends : the lengths of axes that places are counted from the end of.
    starts : where places begin that do not begin at a number.
    order : the axes as their loops are nested, outermost first.
    finals : what is known after the nest by the value that it had before scalarisation.
    """

    group: Group
    builder: Builder
    needed: Collection[Value]
    sizes: Sizes
    taken: tuple[str, ...]
    extents: list[Operand] = field(default_factory=list[Operand])
    ends: dict[tuple[Operand, int], Operand] = field(
        default_factory=dict[tuple[Operand, int], Operand]
    )
    starts: dict[Dim, Operand] = field(default_factory=dict["Dim", "Operand"])
    order: list[int] = field(default_factory=list[int])
    running: dict[Operand, Running] = field(default_factory=dict[Operand, Running])
    finals: dict[Any, Value] = field(default_factory=dict[Any, Value])

    def emit(self) -> None:
        """Add the nest, and before it the sizes and arrays that it needs."""
        group = self.group
        self.builder.loc = group.members[0].loc
        self.extents = [self.extent_of(k) for k in range(len(group.shape))]
        self.check()
        self.order = self.nesting()
        state: State = {}
        for root, (present, _) in group.last.items():
            assert isinstance(present, Value)
            self.finals[root] = present
            state[root] = root
        for stmt in group.members:
            out = stmt.outs[0]
            if out in group.folds:
                self.begin(stmt, state)
            elif out in group.made and out in self.needed:
                self.finals[out] = out
                state[out] = self.allocated(out, range(len(group.shape)))
        self.find_ends()
        self.loops(state).inside(0, self.builder, {}, state)
        for running in self.running.values():
            if running.unfinished:
                self.finish(running)

    def loops(self, state: State) -> Loops:
        """The loops of the members."""
        group, inner = self.group, self.order[-1]
        later = postponed(group)
        additions = Additions.of(
            group, later, inner, self.room, self.needed, self.builder, state
        )
        each: dict[Places, list[Apply]] = {}
        for stmt in later:
            each.setdefault(group.target(stmt), []).append(stmt)

        def now(builder: Builder, index: Index, state: State) -> None:
            trip = Trip(group, self.ends, self.starts, builder, index, state)
            trip.run(self.running, additions)

        def then(stmts: Sequence[Apply]) -> Work:
            return lambda builder, index, state: Trip(
                group, self.ends, self.starts, builder, index, state
            ).add(stmts, additions)

        folds = tuple(self.running.values())
        works = tuple(map(then, each.values()))
        reverse = backwards(group, later)
        return Loops(
            self.order, self.extents, self.finals, folds, now, works, self.taken, reverse
        )

    def begin(self, stmt: Apply, state: State) -> None:
        """Get ready for a reduction."""
        out = stmt.outs[0]
        running = self.running[out] = self.fold(stmt)
        if running.plain:
            self.finals[running] = out
        if running.kept:
            start = None if running.complete else running.start
            state[out] = self.allocated(out, running.kept, start)
            if running.depth:  # otherwise it is set when all loops are done
                self.finals[out] = Value(out.type, out.hint) if running.unfinished else out

    def nesting(self) -> list[int]:
        """The axes in an order in which the innermost loop goes along memory, where it may."""
        axes = list(range(len(self.group.shape)))
        if self.group.descending is not None or len(axes) < 2:
            return axes
        short = self.short_fold()
        axes = [a for a in axes if a not in short]
        inner = innermost(self.group, axes, self.needed)
        return [*(a for a in axes if a != inner), inner, *short]

    def short_fold(self) -> tuple[int, ...]:
        """The axes of reductions over so few elements that the compiler writes them out.

        Their loops are the innermost ones: the loop outside of them vectorises, and what is
        folded is a number.
        """
        found = {fold.axes for fold in self.group.folds.values()}
        if len(found) != 1 or len(self.group.folds) != len(self.group.made & self.needed_now()):
            return ()
        (axes,) = found
        dims = [self.group.shape[a] for a in axes]
        known = [d for d in dims if isinstance(d, int)]
        few = len(known) == len(dims) and prod(known) <= SHORT
        return axes if few and len(axes) < len(self.group.shape) else ()

    def needed_now(self) -> set[Value]:
        """What members make that is used outside of the nest."""
        return {v for v in self.group.made if v in self.needed}

    # -- sizes ------------------------------------------------------------------------------

    def extent_of(self, axis: int) -> Operand:
        """The length of an axis of the iteration space."""
        dim = self.group.shape[axis]
        if isinstance(dim, int):
            return const(dim)
        indexed = dim is not None and any(s in self.sizes.indices for s, _ in dim.terms)
        if dim in self.sizes.integers or (indexed and self.sizes.there(dim)):
            return self.sizes.value(self.builder, dim)
        for access in self.group.touched():
            found = self.length_by(access, axis, dim)
            if found is not None:
                return found
        if self.sizes.there(dim):
            return self.sizes.value(self.builder, dim)
        for stmt in self.group.members:
            # what is not broadcast is as long as the result
            for operand in stmt.args if stmt.op.overwrites is None else stmt.args[1:2]:
                kind = array_type(operand)
                at = axis - len(self.group.shape) + (kind.rank if kind else 0)
                outside = kind is not None and operand not in self.group.made
                if not outside or kind is None or at < 0:
                    continue
                if kind.shape[at] != 1:
                    return self.length(operand, at)
        stmt = next(s for s in self.group.members if s.outs[0] in self.group.first)
        base = self.group.first[stmt.outs[0]]
        part = self.add(read, (base, *stmt.args[2:]), path=stmt.kwargs["path"], view=True)
        return self.length(part, axis)

    def length_by(self, access: Access, axis: int, dim: Dim) -> Operand | None:
        """The length as that of an axis of an array, less a constant."""
        kind = array_type(access.leaf)
        for at, place in enumerate(access.places):
            if place.loop != axis or abs(place.step) != 1 or kind is None:
                continue
            less = affine((dim, 1), (kind.shape[at], -1))
            if isinstance(less, int):
                return self.shifted(self.length(access.leaf, at), less)
        return None

    def check(self) -> None:
        """Have the lengths compared that are only equal if the program is right."""
        known: set[tuple[Dim, Dim]] = set()
        for stmt in self.group.members:
            operands = stmt.args if stmt.op.overwrites is None else stmt.args[1:2]
            for k, operand in enumerate(operands):
                kind = array_type(operand)
                if kind is None or operand in self.group.made:
                    continue
                if stmt.op.overwrites is None and k in stmt.op.shapes:
                    continue
                offset = len(self.group.shape) - kind.rank
                for axis, dim in enumerate(kind.shape):
                    wide = self.group.shape[axis + offset]
                    if dim != 1 and not same(dim, wide) and (dim, wide) not in known:
                        known.add((dim, wide))
                        before = self.group.first.get(operand, operand)
                        length = self.length(before, axis)
                        self.builder.add(agree, (length, self.extents[axis + offset]), {})

    def allocated(
        self, out: Value, axes: Iterable[int | None], start: Operand | None = None
    ) -> Operand:
        """A new array for what a member makes, along these axes of the iteration space."""
        kind = out.type
        assert isinstance(kind, ArrayType)
        sizes: list[Operand] = [] if start is None else [plain(start)]
        plan: list[int | Arg] = []
        for dim, axis in zip(kind.shape, axes, strict=True):
            if isinstance(dim, int) or axis is None:
                plan.append(1 if axis is None else dim)  # type: ignore[arg-type]
                continue
            plan.append(Arg(len(sizes)))
            sizes.append(self.room(axis))
        attrs = {"shape": tuple(plan), "dtype": kind.dtype}
        return self.builder.add(empty if start is None else full, sizes, attrs, out.hint)[0]

    def room(self, axis: int) -> Operand:
        """The length of an axis of the iteration space as the size of an array."""
        if self.group.views.facts.holds(self.group.shape[axis]):
            return self.extents[axis]
        return self.add(py_max, (self.extents[axis], const(0)))

    def find_ends(self) -> None:
        """The lengths of axes that places are counted from the end of, and other starts."""
        for access in self.group.touched():
            for axis, place in enumerate(access.places):
                start, key = place.start, (access.leaf, axis)
                if isinstance(start, int) and start < 0 and key not in self.ends:
                    self.ends[key] = self.length(access.leaf, axis)
                if isinstance(start, Size) and start not in self.starts:
                    self.starts[start] = self.sizes.value(self.builder, start)

    def add(self, op: object, args: tuple[Operand, ...], **attrs: object) -> Operand:
        """One op in front of the nest."""
        return self.builder.add(op, args, dict(attrs))[0]  # type: ignore[arg-type]

    def length(self, array: Operand, axis: int) -> Operand:
        """The length of an axis, named as its symbol; the same for equal lengths."""
        kind = array_type(array)
        dim = None if kind is None else kind.shape[axis]
        integers = self.sizes.integers
        if dim in integers:
            return integers[dim]
        hint = str(dim) if str(dim).isidentifier() else ""
        found = self.builder.add(extent, (array,), {"axis": axis}, hint)[0]
        if isinstance(dim, Size):
            integers[dim] = found
        return found

    def shifted(self, operand: Operand, by: int) -> Operand:
        """The integer plus a constant."""
        return shifted(self.builder, operand, by)

    # -- loops ------------------------------------------------------------------------------

    def fold(self, stmt: Apply) -> Running:
        """A reduction among the members."""
        fold = self.group.folds[stmt.outs[0]]
        rank = len(self.order)
        depth = rank
        while depth and self.order[depth - 1] in fold.axes:
            depth -= 1
        kept: list[int | None] = [k for k in range(rank) if k not in fold.axes]
        if stmt.kwargs.get("keepdims"):
            kept = [None if k in fold.axes else k for k in range(rank)]
        return Running(stmt.outs[0], fold, rank, depth, tuple(kept), self.count(fold))

    def count(self, fold: Fold) -> Operand:
        """How many elements are folded into one."""
        found = Handle(self.builder, const(1))
        if fold.finish is not None:
            for axis in fold.axes:
                found = found * Handle(self.builder, self.extents[axis])
        return found.operand

    def finish(self, running: Running) -> None:
        """Add loops that finish each element of an array that was folded into."""
        out = running.out
        axes = [k for k in running.kept if k is not None]
        loops = Loops(
            axes, self.extents, {out: out}, (), running.finish_element, (), self.taken
        )
        loops.inside(0, self.builder, {}, {out: self.finals[out]})
