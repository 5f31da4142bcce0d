"""Which elements of an array a path selects: a place along each axis, counted from its start.

Where the bounds of a slice are proven to be inside of the axis, places are affine expressions
of sizes and loop indices.  Where they are not, integers are computed that say where the slice
begins and how long it is, clipped as NumPy clips.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, pairwise

from stagec.ir.alias import path_of, path_operands
from stagec.ir.build import Builder, freeze
from stagec.ir.core import Apply, Const, Op, Operand, Value, const
from stagec.ir.path import Arg, Index, NewAxis, Path, Reshape, Slice, Step, Transpose
from stagec.ir.types import INT, ArrayType, Dim, Shape, Size, Symbol, affine, size
from stagec.ops.extent import distance, from_start, range_length
from stagec.ops.index_facts import IndexFacts
from stagec.ops.paths import path_type
from stagec.ops.rounding import py_max, py_min
from stagec.opt.scalarise.places import Place, Places, natural, through, unshaped
from stagec.opt.scalarise.sizes import Sizes


@dataclass(frozen=True, slots=True)
class View:
    """The part of an array that a path selects.

    `places` has one place for each axis of the array; a loop in it is an axis of the part.
    """

    places: Places
    shape: Shape


@dataclass(slots=True)
class Views:
    """The parts that the statements of a function select.

    Attributes
    ----------
    facts : what is known of integers.
    taken : names that symbols may not have.
    naming : whether lengths only get names, and nothing is computed.
    found : by the results of the statements.
    known : the symbols of lengths that only the run time knows, by what they are lengths of.
    """

    facts: IndexFacts
    taken: set[str]
    naming: bool
    found: dict[Value, View | None] = field(default_factory=dict["Value", "View | None"])
    known: dict[Hashable, Symbol] = field(default_factory=dict["Hashable", "Symbol"])

    def of(self, stmt: Apply) -> View | None:
        """The part that the op reads or writes; None if that cannot be said."""
        out = stmt.outs[0]
        if out not in self.found:
            self.note(stmt, None, None)
        return self.found[out]

    def forget(self, value: Value) -> None:
        """The value gets another maker than the one whose part was found."""
        self.found.pop(value, None)

    def behind(self, stmt: Apply, path: Path, places: Places) -> Places | None:
        """The places in the op's array for places in the part that it reads.

        A row of what was reshaped lies in one piece of the axis that was split.
        """
        ends = [k for k, step in enumerate(path) if isinstance(step, Reshape)]
        if not ends:
            view = self.of(stmt)
            return None if view is None else through(view.places, places)
        base, index = stmt.args[0].type, path_operands(stmt)
        types = tuple(a.type for a in index)
        assert isinstance(base, ArrayType)
        walk = _Walk(self, index, None, None)
        found: Places | None = places
        for begin, end in reversed([*pairwise([-1, *ends, len(path)])]):
            given = path_type(base, path[: begin + 1], types)  # type: ignore[arg-type]
            view = walk.view(path[begin + 1 : end], given)
            found = None if view is None or found is None else through(view.places, found)
            if begin >= 0 and found is not None:
                old = path_type(base, path[:begin], types)  # type: ignore[arg-type]
                found = unshaped(old.shape, given.shape, found)
        return found

    def note(self, stmt: Apply, builder: Builder | None, sizes: Sizes | None) -> None:
        """Find the part; integers that this needs are computed in the builder from `sizes`."""
        path, base = path_of(stmt), stmt.args[0].type
        if path is None or not isinstance(base, ArrayType):
            self.found[stmt.outs[0]] = None
            return
        index = path_operands(stmt)
        if any(isinstance(step, Reshape) for step in path):
            part = path_type(base, path, tuple(a.type for a in index))  # type: ignore[arg-type]
            places = self.behind(stmt, path, natural(part.rank))
            known = places is not None and None not in part.shape
            self.found[stmt.outs[0]] = View(places, part.shape) if places and known else None
            return
        walk = _Walk(self, index, builder, sizes)
        self.found[stmt.outs[0]] = walk.view(path, base)

    def symbol(self, key: Hashable) -> Size:
        """The length with this key."""
        if key not in self.known:
            names = (f"__length{n}" for n in count(len(self.known)))
            name = next(n for n in names if n not in self.taken)
            self.taken.add(name)
            self.known[key] = Symbol(name, unit=True)
        return size(self.known[key])


@dataclass(slots=True)
class _Walk:
    """Follows one path from the array to the part."""

    views: Views
    index: Sequence[Operand]
    builder: Builder | None
    sizes: Sizes | None

    def view(self, path: Sequence[Step], base: ArrayType) -> View | None:
        """What the path selects."""
        types = tuple(a.type for a in self.index)
        places: Places = natural(base.rank)
        shape = base.shape
        for k, step in enumerate(path):
            match step:
                case Transpose(axes):
                    inner = tuple(Place(axes.index(a)) for a in range(len(axes)))
                    shape = tuple(shape[a] for a in axes)
                case Index(items):
                    exact = path_type(base, tuple(path[: k + 1]), types).shape  # type: ignore[arg-type]
                    found = self.indexed(items, shape, exact)
                    if found is None:
                        return None
                    inner, shape = found.places, found.shape
                case Reshape():
                    return None
            made = through(places, inner)
            if made is None:
                return None
            places = made
        return View(places, shape)

    def indexed(self, items: Sequence[object], shape: Shape, exact: Shape) -> View | None:
        """What one step of the path selects; `exact` is what is known of its shape."""
        taken = sum(not isinstance(i, NewAxis) for i in items)
        places: list[Place] = []
        lengths: list[Dim] = []
        for item in (*items, *(Slice(),) * (len(shape) - taken)):
            axis, at = len(places), len(lengths)
            if isinstance(item, NewAxis):
                lengths.append(1)
            elif isinstance(item, Slice):
                if at >= len(exact):
                    return None
                span = self.span(item, shape[axis])
                if span is None:
                    return None
                place, length = span
                places.append(replace(place, loop=at))
                lengths.append(length if exact[at] is None else exact[at])
            else:
                # a mask of one value takes no axis
                fixed = self.fixed(item, shape[axis]) if axis < len(shape) else None
                if fixed is None:
                    return None
                places.append(fixed)
        return View(tuple(places), tuple(lengths))

    def fixed(self, item: object, dim: Dim) -> Place | None:
        """The place of one element."""
        holds = self.views.facts.holds
        given: Operand = self.index[item.position] if isinstance(item, Arg) else const(item)
        kind = given.type
        if not isinstance(kind, ArrayType) or kind.dtype.kind not in "iu":
            return None
        if kind.rank or kind.kind == "array":
            return None
        at = self.views.facts.of(given)
        for start in (at, affine((at, 1), (dim, 1))):
            natural = start is not None and self.views.facts.natural(start)
            if natural and holds(affine((dim, 1), (start, -1), const=-1)):
                return Place(None, 0, start)
            if natural and start is at:
                return Place(None, 0, start, inside=False)
            if at is None or not holds(affine((at, -1), const=-1)):
                break
        start = given.value if isinstance(given, Const) else given
        return Place(None, 0, start, inside=False)

    # -- slices -----------------------------------------------------------------------------

    def span(self, item: Slice, dim: Dim) -> tuple[Place, Dim] | None:
        """Where a slice of an axis of length `dim` begins, its step, and its length."""
        step = 1 if item.step is None else item.step
        if isinstance(step, Arg):
            return None
        if item.start is None and item.stop is None and step == 1:
            return Place(0), dim
        if dim is None:
            return None
        back = step < 0
        first, last = (item.stop, item.start) if back else (item.start, item.stop)
        key = (dim, *(self.key(p) for p in (first, last)), back)
        bounds = _Bounds(self, dim, key)
        low = 0 if first is None else bounds.place(first, int(back), "low")
        high = dim if last is None else bounds.at_most(bounds.place(last, int(back), "high"))
        count = bounds.positive(low, high)
        if count == 0 or high == 0:
            return Place(0, cut=True), 0
        start = affine((high, 1), const=-1) if back else low
        if abs(step) != 1:
            count = bounds.every(count, abs(step))
        if start is None or count is None:
            return None
        return Place(0, step, start, cut=True), count

    def key(self, part: int | Arg | None) -> Hashable:
        """What the bound of a slice is: equal keys are equal at run time."""
        if not isinstance(part, Arg):
            return part
        operand = self.index[part.position]
        return operand.key if isinstance(operand, Const) else operand

    def expression(self, part: int | Arg) -> Dim:
        """A bound as an expression."""
        if not isinstance(part, Arg):
            return part
        return self.views.facts.of(self.index[part.position])

    def operand(self, part: int | Arg) -> Operand:
        """A bound as an operand."""
        return self.index[part.position] if isinstance(part, Arg) else const(part)


@dataclass(slots=True)
class _Bounds:
    """The bounds of one slice of an axis of length `dim`, which is told by the `key`.

    What would have to be computed where that is not possible is None.
    """

    walk: _Walk
    dim: Dim
    key: Hashable

    def holds(self, *parts: tuple[Dim, int], const: int = 0) -> bool:
        """Whether the sum is surely not negative."""
        return self.walk.views.facts.holds(affine(*parts, const=const))

    def place(self, part: int | Arg, more: int, what: str) -> Dim:
        """The bound plus `more`, counted from the start of the axis and not negative."""
        at = self.walk.expression(part)
        if at is not None and self.walk.views.facts.natural(at):
            return affine((at, 1), const=more)
        below = at is not None and self.holds((at, -1), const=-1)
        if below and self.holds((self.dim, 1), (at, 1), const=more):
            return affine((self.dim, 1), (at, 1), const=more)
        args = (self.walk.operand(part), self.value(self.dim))
        return self.computed(what, from_start, args, more=more)

    def at_most(self, place: Dim) -> Dim:
        """The bound, or the end of the axis if that comes first."""
        if place is None or self.holds((self.dim, 1), (place, -1)):
            return place
        # an expression below 0 is an axis of length 0
        least = (self.value(self.dim), const(0))
        end = self.dim if self.holds((self.dim, 1)) else self.computed("end", py_max, least)
        return self.computed("least", py_min, (self.value(place), self.value(end)))

    def positive(self, low: Dim, high: Dim) -> Dim:
        """The distance of the bounds, or 0."""
        found = affine((high, 1), (low, -1))
        if found is None or self.holds((found, 1)):
            return found
        return self.computed("length", distance, (self.value(low), self.value(high)))

    def every(self, count: Dim, step: int) -> Dim:
        """How many of so many elements are taken with the step."""
        if isinstance(count, int):
            return len(range(0, count, step))
        ends = const(0), self.value(count), const(step)
        return self.computed(f"every {step}", range_length, ends)

    def computed(
        self, what: str, op: Op, args: Sequence[Operand | None], **attrs: object
    ) -> Dim:
        """The result of an op on integers, as a symbol."""
        sizes, builder = self.walk.sizes, self.walk.builder
        if self.walk.views.naming:
            return self.walk.views.symbol((self.key, what))
        if sizes is None or builder is None or any(a is None for a in args):
            return None
        found = self.walk.views.symbol((self.key, what))
        if not sizes.there(found):
            out = Value(replace(INT, size=found))
            operands = tuple(a for a in args if a is not None)
            builder.append(Apply(op, operands, freeze(attrs), (out,), builder.loc))
            sizes.note((out,))
        return found

    def value(self, dim: Dim) -> Operand | None:
        """The expression as an integer, where it is there or can be computed."""
        sizes, builder = self.walk.sizes, self.walk.builder
        if sizes is None or builder is None or not sizes.there(dim):
            return None
        return sizes.value(builder, dim)
