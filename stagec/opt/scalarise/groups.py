"""Fusion: which consecutive array statements may share one nest of loops.

The members of a group have one iteration space.  Each reads elements of arrays from outside
the group, or what an earlier member made at the same index; a write may not destroy what a
later trip still reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stagec.ir.alias import path_of
from stagec.ir.core import (
    Apply,
    Calls,
    Effect,
    Fold,
    Folds,
    Moves,
    Operand,
    Structured,
    Value,
)
from stagec.ir.lowering import holds, kernel_source
from stagec.ir.narrow import narrow, storable
from stagec.ir.types import ArrayType, Shape, Size, at_least, may_be_one, same
from stagec.ops.indexing import accumulate
from stagec.opt.scalarise.places import (
    APART,
    Place,
    Places,
    broadcast,
    lag,
    natural,
)
from stagec.opt.scalarise.sizes import Sizes
from stagec.opt.scalarise.views import Views

Producers = Mapping[Value, Apply]


def array_type(operand: Operand) -> ArrayType | None:
    """The type of an operand with axes; None for anything else."""
    kind = operand.type
    return kind if isinstance(kind, ArrayType) and kind.rank else None


def element(kind: ArrayType) -> ArrayType:
    """The type of one element."""
    return ArrayType(kind.dtype, (), "np") if kind.rank else kind


def loops(shape: Shape) -> bool:
    """Whether there is a nest for the shape; over none, what raises in it would not happen."""
    return None not in shape and 0 not in shape


def pointwise(stmt: Apply) -> bool:
    """Whether the op makes a new array element by element."""
    op = stmt.op
    types = [a.type for a in stmt.args]
    if op.effect is not Effect.NONE or op.overwrites is not None or len(stmt.outs) != 1:
        return False
    out = array_type(stmt.outs[0])
    if out is None or not loops(out.shape) or not all(map(holds, (*types, out))):
        return False
    if op.aliased(stmt.kwargs) is not None or isinstance(op.scalar, Structured):
        return False
    numbers = [element(t) for t in types if isinstance(t, ArrayType)]
    if len(numbers) != len(types):
        return False
    text = op.scalar(*numbers, **stmt.kwargs) if callable(op.scalar) else op.scalar
    if not isinstance(text, str) or (not callable(op.scalar) and stmt.raises):
        return False
    if any(map(narrow, (*types, out))) and kernel_source(_number(stmt)) is None:
        return False
    return all(
        fitting(t.shape, out.shape)
        for k, t in enumerate(types)
        if isinstance(t, ArrayType) and k not in op.shapes
    )


def _number(stmt: Apply) -> Apply:
    """The op on one element of each operand."""

    def one(operand: Operand) -> Operand:
        kind = array_type(operand)
        return operand if kind is None else Value(element(kind))

    (out,) = stmt.outs
    kind = array_type(out)
    assert kind is not None
    return replace(stmt, args=tuple(map(one, stmt.args)), outs=(Value(element(kind)),))


def fold_of(stmt: Apply) -> Fold | None:
    """How a reduction is done element by element, if it can be."""
    if not isinstance(stmt.op.scalar, Folds):
        return None
    given = array_type(stmt.args[0])
    if given is None or not loops(given.shape) or not (holds(given) and holds(stmt.out.type)):
        return None
    fold = stmt.op.scalar.rule(given, **stmt.kwargs)
    if fold is None or not fold.axes:
        return None
    if stmt.raises and any((at_least(given.shape[a]) or 0) < 1 for a in fold.axes):
        return None
    return fold


def writes(stmt: Apply, views: Views) -> Shape | None:
    """The shape of the part that the op writes to element by element; None if it does not."""
    if stmt.op.overwrites != 0 or path_of(stmt) is None:
        return None
    view = views.of(stmt) if all(holds(a.type) for a in stmt.args) else None
    value = stmt.args[1].type
    if not storable(*stmt.args[:2]):
        return None
    if view is None or not view.shape or 0 in view.shape or not isinstance(value, ArrayType):
        return None
    return view.shape if fitting(value.shape, view.shape) else None


def fitting(shape: Shape, wide: Shape) -> bool:
    """Whether it is known which axes of an array of this shape are broadcast."""
    if len(shape) > len(wide):
        return False
    return all(
        d == 1 or same(d, w) or not (may_be_one(d) or may_be_one(w))
        for d, w in zip(shape, wide[len(wide) - len(shape) :], strict=True)
    )


@dataclass(slots=True)
class Access:
    """An element that a member reads.

    Attributes
    ----------
    leaf : the array.
    places : where it lies.
    views : the views of the array that it was found through, and where it lies in these.
    """

    leaf: Operand
    places: Places
    views: tuple[tuple[Operand, Places], ...] = ()

    def of(self, array: Operand) -> Places | None:
        """Where it lies in this array, or view; None of another one."""
        found = (places for view, places in self.views if view is array)
        return self.places if self.leaf is array else next(found, None)


@dataclass(slots=True, eq=False)
class Group:
    """Statements for one nest of loops over `shape`.

    Attributes
    ----------
    views : the parts of arrays that statements select.
    sizes : what is known of sizes in front of the loops.
    made : what members made, new in each trip.
    first : for each version of an array that members write to, the array as it was before.
    last : for each such array, its present version and where it was written.
    folds : the reductions among `made`, which are done when the loops are.
    reads : the elements read of arrays from outside.
    descending : whether the loops must run backwards; None: either way.
    """

    shape: Shape
    producers: Producers
    views: Views
    sizes: Sizes
    members: list[Apply] = field(default_factory=list[Apply])
    made: set[Value] = field(default_factory=set[Value])
    first: dict[Operand, Operand] = field(default_factory=dict[Operand, Operand])
    last: dict[Operand, tuple[Operand, list[Places]]] = field(
        default_factory=dict[Operand, tuple[Operand, list[Places]]]
    )
    adding: dict[Operand, bool] = field(default_factory=dict[Operand, bool])
    folds: dict[Operand, Fold] = field(default_factory=dict[Operand, Fold])
    reads: list[Access] = field(default_factory=list[Access])
    descending: bool | None = None

    def resolve(self, operand: Operand, places: Places) -> Access:
        """The array behind views, and where the element lies in it."""
        views: list[tuple[Operand, Places]] = []
        while isinstance(operand, Value) and operand not in self.made:
            kind = array_type(operand)
            if kind is None or operand in self.first or operand in self.last:
                break
            stmt = self.producers.get(operand)
            moved = None if stmt is None else moved_to(stmt, places, self.views)
            if stmt is None or moved is None:
                break
            views.append((operand, places))
            operand, places = stmt.args[0], moved
        return Access(operand, places, tuple(views))

    def accesses(self, stmt: Apply) -> Iterator[Access]:
        """The elements that the op reads in one trip."""
        operands = (
            [a for k, a in enumerate(stmt.args) if k not in stmt.op.shapes]
            if stmt.op.overwrites is None
            else [stmt.args[1]]
        )
        for operand in operands:
            kind = array_type(operand)
            if kind is not None:
                found = self.resolve(operand, broadcast(natural(len(self.shape)), kind))
                if array_type(found.leaf) is not None or found.leaf in self.folds:
                    yield found

    def shares(self, stmt: Apply) -> bool:
        """Whether the statement reads an array that members make or read."""
        leaves = {*self.made, *(access.leaf for access in self.reads)}
        return any(access.leaf in leaves for access in self.accesses(stmt))

    def touched(self) -> list[Access]:
        """Every element of arrays from outside that is read or written."""
        found = [Access(self.first.get(a.leaf, a.leaf), a.places) for a in self.reads]
        for stmt in self.members:
            places = () if stmt.outs[0] in self.made else self.target(stmt)
            if places:
                found.append(Access(self.first.get(stmt.args[0], stmt.args[0]), places))
        return found

    def take(self, stmt: Apply) -> bool:
        """Add the statement, if it may run in the same loops."""
        found = list(self.accesses(stmt))
        if not all(map(self.placed, (*(a.places for a in found), self.target(stmt)))):
            return False
        if any(v in self.folds for v in (*stmt.args, *(a.leaf for a in found))):
            return False
        usual = natural(len(self.shape))
        for access in found:
            if access.leaf in self.made:
                if access.places != usual:
                    return False
            elif not self.readable(access):
                return False
        if stmt.op.overwrites is None or self.remakes(stmt):
            self.made.add(stmt.outs[0])
            fold = fold_of(stmt)
            if fold is not None:
                self.folds[stmt.outs[0]] = fold
        elif not self.write(stmt, found):
            return False
        self.reads += [a for a in found if a.leaf not in self.made]
        self.members.append(stmt)
        return True

    def target(self, stmt: Apply) -> Places:
        """Where the elements are written; nothing if the op does not write."""
        view = self.views.of(stmt) if stmt.op.overwrites is not None else None
        return () if view is None else view.places

    def placed(self, places: Places) -> bool:
        """Whether the integers are there that say where the elements are."""
        return all(self.sizes.there(p.start) for p in places if isinstance(p.start, Size))

    def remakes(self, stmt: Apply) -> bool:
        """Whether the op writes to every element of what a member made."""
        base, value = stmt.args[0].type, stmt.args[1].type
        assert isinstance(base, ArrayType)
        whole = self.target(stmt) == natural(len(self.shape))
        same_dtype = isinstance(value, ArrayType) and value.dtype == base.dtype
        return stmt.args[0] in self.made and whole and same_dtype

    def readable(self, access: Access) -> bool:
        """Whether the element may be read where members write to arrays."""
        leaf = access.leaf
        if leaf in self.first:
            present, places = self.last[self.first[leaf]]
            # what was just written, where it was just written
            adding = self.adding[self.first[leaf]]
            return present is leaf and not adding and places == [access.places]
        return leaf not in self.last

    def write(self, stmt: Apply, own: list[Access]) -> bool:
        """Add a write; `own` are the elements that it reads itself."""
        places = self.target(stmt)
        base, out = stmt.args[0], stmt.outs[0]
        if base in self.made:
            return False
        adds = stmt.op is accumulate
        root = self.first.get(base, base)
        if root in self.last:
            present, before = self.last[root]
            again = self.adding[root] and adds
            if present is not base or not (
                again or before == [places] or self.elsewhere(root, places)
            ):
                return False
            if not self.order(root, places, self.reads):
                return False
            self.adding[root] = again
            self.last[root] = (out, before if before == [places] else [*before, places])
            self.first[out] = root
            return True
        if not injective(places, self.shape):
            return False
        if not self.order(base, places, (*self.reads, *own)):
            return False
        self.first[out] = root
        self.last[root] = (out, [places])
        self.adding[root] = adds
        return True

    def elsewhere(self, root: Operand, places: Places) -> bool:
        """Whether no trip writes there to what another trip, or this one, wrote before.

        Additions that meet stay together, for they can be postponed.
        """
        _, before = self.last[root]
        alone = len(before) == 1 or not self.adding[root]
        apart = (self.lag(p, places) == APART for p in before)
        return alone and all(apart) and injective(places, self.shape)

    def order(self, array: Operand, places: Places, reads: Sequence[Access]) -> bool:
        """Whether loops in some order read the elements of the array before the write there
        destroys them; from then on they run in that order.
        """
        descending = self.descending
        for access in reads:
            read_at = access.of(array)
            if read_at is None:
                continue
            delay = self.lag(read_at, places)
            if delay is None:
                return False
            first = next((d for d in delay if d), 0)
            if delay == APART or first == 0:
                continue
            if descending is not None and descending != (first < 0):
                return False
            descending = first < 0
        self.descending = descending
        return True

    def lag(self, read_at: Places, places: Places) -> tuple[int, ...] | None:
        """How many trips of each loop an element is read before it is written."""
        return lag(read_at, places, self.shape, self.views.facts.holds)


def injective(places: Places, shape: Shape) -> bool:
    """Whether different trips write different elements."""
    moving = {axis for axis, length in enumerate(shape) if length != 1}
    return {p.loop for p in places if p.loop is not None and p.step} >= moving


def moved_to(stmt: Apply, places: Places, views: Views) -> Places | None:
    """The places in operand 0 of a view; None if the op is none or they cannot be said."""
    base = stmt.args[0].type if stmt.args else None
    if not isinstance(base, ArrayType):
        return None
    path = path_of(stmt)
    if path is None and isinstance(stmt.op.scalar, Calls) and stmt.op.scalar.path is not None:
        path = stmt.op.scalar.path(**stmt.kwargs)
    if path is not None:
        return views.behind(stmt, path, places) if stmt.op.overwrites is None else None
    if stmt.op.aliased(stmt.kwargs) != 0:
        return None
    if isinstance(stmt.op.scalar, Moves):
        found = stmt.op.scalar.rule(places, **stmt.kwargs)
        return found and tuple(Place(None) if p is None else p for p in found)
    if stmt.op.scalar == "{}":
        out = array_type(stmt.outs[0])
        fits_in = out is not None and fitting(base.shape, out.shape)
        return broadcast(places, base) if fits_in else None
    return None


def space(stmt: Apply, views: Views) -> Shape | None:
    """The shape that the statement runs over, if loops can be made of it."""
    if fold_of(stmt) is not None:
        return array_type(stmt.args[0]).shape  # type: ignore[union-attr]
    if pointwise(stmt):
        kind = array_type(stmt.outs[0])
        return None if kind is None else kind.shape
    return writes(stmt, views)
