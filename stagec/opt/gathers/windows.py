"""What is gathered from planes of an array goes through a window of a few planes.

    padded[2:-2, 2:-2, 2:-2] = v        for i in range(n):
    x += padded[2:, 1:-1, 1:-1]             c = zeros((n + 2, n + 2))
    x += padded[:-2, 1:-1, 1:-1]            if i < n - 2:
    x += padded[1:-1, 2:, 1:-1]   ->            c[2:-2, 2:-2] = v[i]
    ...                                     x[i] += c[1:-1, 1:-1] + b[2:, 1:-1] ...
                                            a, b = b, c

Each plane of what is added is computed just before the first plane that it is added to, so
that neither has left the cache.  The last planes are in a loop of their own, not in a branch.
What is added may depend on `x` itself, where it is read on no earlier plane than it is added
to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, prod

from stagec.ir.build import Builder
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Const, For, Operand, Value, const
from stagec.ir.path import Arg, Index
from stagec.ir.types import (
    INT,
    ArrayType,
    Dim,
    Symbol,
    affine,
    at_least,
    measured_by,
    same_shape,
)
from stagec.ir.walk import free_values, operands, rename
from stagec.ops.arithmetic import add, multiply, negative
from stagec.ops.creation import zeros
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.gathers.chains import Chain
from stagec.opt.parts import Part, Piece, cut, path_to
from stagec.opt.scalarise.groups import pointwise
from stagec.opt.scalarise.sizes import Sizes

PLANES = 3  # axes of an array whose planes are worth a loop; rows are too short
FEW = 100  # numbers of a plane with zeros around it that are not worth loops of their own


@dataclass(frozen=True, slots=True)
class Window:
    """Additions to planes, and what is added.

    Attributes
    ----------
    chain : the additions.
    value : what all of them add, direct ones multiplied with numbers.
    makers : the statements that make what is added, by what they make; nothing else needs that.
    ahead : direct ones that add something else: at once to the plane that `value` is read from.
    free : whether the loop around is one of a backward pass.
    """

    chain: Chain
    value: Value
    makers: Mapping[Operand, Apply]
    ahead: Sequence[Apply]
    free: bool

    @classmethod
    def of(cls, chain: Chain, loop: For, lengths: Mapping[Symbol, int]) -> Window | None:
        """The window for the chain, in the body of the loop; None if there cannot be one."""
        value, *others = {m.args[1] for m in chain.gathered}
        if others or not _of_planes(chain, lengths):
            return None
        block = loop.body
        made = {s.out: s for s in block.stmts if isinstance(s, Apply) and len(s.outs) == 1}
        makers: dict[Operand, Apply] = {}
        around = free_values(block)
        root = chain.members[0].args[0]
        if not isinstance(value, Value) or not _planes(value, made, makers, root, around):
            return None
        ahead: list[Apply] = []
        for member in (m for m in chain.members if m in chain.direct):
            factors = _factors(member.args[1], value, made)
            if factors is not None and _inside(chain, member):
                makers |= factors
            elif _planes(member.args[1], made, makers, root, around):
                ahead.append(member)
            else:
                return None
        reads = [s for s in makers.values() if s.op is read and s.args[0] is root]
        last = max(chain.hull.slices[0][0], *(chain.part(m).slices[0][0] for m in ahead), 0)
        if any(_front(s) < last for s in reads):
            return None
        own = Counter(a for s in (*makers.values(), *chain.members) for a in operands(s))
        used = Counter(mentioned(block))
        alone = all(own[v] == used[v] for v in (*makers, root))
        return cls(chain, value, makers, ahead, loop.free) if alone else None

    @property
    def scaled(self) -> list[Apply]:
        """The direct additions that are part of the sum, in order."""
        chain = self.chain
        return [m for m in chain.members if m in chain.direct and m not in self.ahead]

    @property
    def kind(self) -> ArrayType:
        """The type of a plane with zeros around it."""
        base = self.value.type
        assert isinstance(base, ArrayType)
        return ArrayType(base.dtype, self.chain.room[1:])

    def write(
        self, builder: Builder, sizes: Sizes, names: Mapping[Value, Operand], nothing: Value
    ) -> Value:
        """The loops over the planes; the array with everything added.

        `nothing` is a plane of zeros.
        """
        chain = self.chain
        root = rename(chain.members[0].args[0], dict(names))
        span, length = chain.spans(chain.hull)[0], chain.lengths(chain.hull)[0]
        low = sizes.value(builder, affine((length, 1), const=-span))
        high = sizes.value(builder, length)
        past = (nothing,) * span
        first = self.loop(builder, (const(0), low), (root, *past), sizes, None)
        last = self.loop(builder, (low, high), first, sizes, nothing)
        return last[0]

    def loop(
        self,
        builder: Builder,
        bounds: tuple[Operand, Operand],
        init: tuple[Operand, ...],
        sizes: Sizes,
        nothing: Value | None,
    ) -> tuple[Value, ...]:
        """A loop over planes; `nothing` is what comes into the window, if that are zeros."""
        index = Value(INT, "i")
        root, *others = init
        hint = root.hint if isinstance(root, Value) else ""
        params = [Value(root.type, hint), *(Value(v.type, "plane") for v in others)]
        body = Builder(loc=builder.loc)
        array, *past = params
        fresh = nothing
        if fresh is None:
            fresh, array = self.fresh(index, array, body, sizes)
        planes = [*past, None if nothing else fresh]
        total = self.total(planes, body)
        if total is not None:
            array = self.added(array, total, index, self.chain.hull, body)
        results = (array, *past[1:], fresh)
        carry = tuple(Value(p.type, p.hint) for p in params)
        block = body.block((index, *params), results)
        low, high = bounds
        builder.append(
            For(low, high, const(1), init, block, carry, loc=builder.loc, free=self.free)
        )
        return carry

    def fresh(
        self, index: Value, array: Value, body: Builder, sizes: Sizes
    ) -> tuple[Value, Value]:
        """The next plane of what is added, between zeros, and the array with what is added at
        once.
        """
        found: dict[Operand, Operand] = {}
        value, *others = [
            self.plane(v, index, array, body, found)
            for v in (self.value, *(m.args[1] for m in self.ahead))
        ]
        margins = tuple((s, s) for s in self.chain.spans(self.chain.hull)[1:])
        attrs = {"path": path_to(margins)}
        made = body.add(update, (self.zeros(body, sizes), value), attrs, "plane")[0]
        for member, other in zip(self.ahead, others, strict=True):
            array = self.added(array, other, index, self.chain.part(member), body)
        return made, array

    @staticmethod
    def added(array: Value, value: Operand, index: Value, part: Part, body: Builder) -> Value:
        """The array with the value added to one plane of the part."""
        first, *rest = part.slices
        at = _moved(index, first[0], body)
        attrs = {"path": (Index((Arg(0), *map(cut, rest))),)}
        return body.add(accumulate, (array, value, at), attrs, array.hint)[0]

    def total(self, planes: list[Value | None], builder: Builder) -> Operand | None:
        """What is added to one plane; the window has the planes, None for zeros."""
        chain = self.chain
        spans = chain.spans(chain.hull)
        total: Operand | None = None
        for member in (*chain.gathered, *self.scaled):
            ahead = _ahead(chain, member)
            kept = planes[spans[0] - ahead[0]]
            if kept is None:
                continue
            place: Piece = tuple((s - a, a) for s, a in zip(spans[1:], ahead[1:], strict=True))
            term: Operand = builder.add(read, (kept,), {"path": path_to(place), "view": True})[
                0
            ]
            term = self.again(member.args[1], term, builder)
            total = term if total is None else builder.add(add, (total, term), {})[0]
        return total

    def again(self, value: Operand, term: Operand, builder: Builder) -> Operand:
        """What the value is, made from `term` as it is made from what all additions add."""
        if value is self.value or value not in self.makers:
            return term if value is self.value else value
        maker = self.makers[value]
        args = [self.again(a, term, builder) for a in maker.args]
        return builder.add(maker.op, args, maker.kwargs)[0]

    def plane(
        self,
        value: Operand,
        index: Value,
        array: Value,
        builder: Builder,
        found: dict[Operand, Operand],
    ) -> Operand:
        """One plane of what is added; `array` stands for what it is added to."""
        maker = self.makers.get(value)
        if maker is None or value in found:
            return found.get(value, value)
        if maker.op is read:
            base = maker.args[0]
            part = Part.of(maker, 1)
            assert part is not None
            base = array if base is self.chain.members[0].args[0] else base
            at = _moved(index, part.slices[0][0], builder)
            path = Index((Arg(0), *map(cut, part.slices[1:])))
            made = builder.add(read, (base, at), {"path": (path,), "view": True})[0]
        else:
            args = [self.plane(a, index, array, builder, found) for a in maker.args]
            made = builder.add(maker.op, args, maker.kwargs, maker.out.hint)[0]
        found[value] = made
        return made

    def zeros(self, builder: Builder, sizes: Sizes) -> Value:
        """A plane of zeros."""
        kind = self.kind
        lengths = [sizes.value(builder, dim) for dim in kind.shape]
        attrs = {"shape": tuple(map(Arg, range(len(lengths)))), "dtype": kind.dtype}
        return builder.add(zeros, lengths, attrs, "plane")[0]


def _of_planes(chain: Chain, lengths: Mapping[Symbol, int]) -> bool:
    """Whether the chain adds to several planes, along an axis that is long enough.

    `lengths` is how long axes were at the first call, if that is known.
    """
    hull = chain.hull
    spans = chain.spans(hull)
    if len(spans) < PLANES or not spans[0] or any(f is not None for f in hull.fixed):
        return False
    room = [measured_by(dim, lengths) for dim in chain.room[1:]]
    known = [length for length in room if length is not None]
    if len(known) == len(room) and prod(known) < FEW:
        return False
    # the loop over the last planes begins behind so many
    trips = at_least(affine((chain.lengths(hull)[0], 1), const=-spans[0]))
    return trips is not None and trips >= 0


def _ahead(chain: Chain, member: Apply) -> list[int]:
    """How far behind the first plane, row and so on the member begins to add."""
    pairs = zip(chain.part(member).slices, chain.hull.slices, strict=True)
    return [part[0] - whole[0] for part, whole in pairs]


def _inside(chain: Chain, member: Apply) -> bool:
    """Whether the member adds to no elements but those that gathered ones meet."""
    pairs = zip(_ahead(chain, member), chain.spans(chain.hull), strict=True)
    return all(0 <= ahead <= span for ahead, span in pairs)


def _front(stmt: Apply) -> int:
    """The first plane that is read."""
    part = Part.of(stmt, 1)
    assert part is not None
    return part.slices[0][0]


def _moved(index: Value, by: int, builder: Builder) -> Value:
    return builder.add(add, (index, const(by)), {})[0] if by else index


def _planes(
    value: Operand,
    made: Mapping[Value, Apply],
    makers: dict[Operand, Apply],
    root: Operand,
    around: Collection[Operand],
) -> bool:
    """Whether a plane of the value can be computed from planes of `root` and of arrays that
    stay as they are; `makers` are the statements then.
    """
    kind = value.type
    if isinstance(kind, ArrayType) and not kind.rank:
        return True
    maker = made.get(value) if isinstance(value, Value) else None
    if maker is None or not isinstance(kind, ArrayType):
        return False
    if value in makers:
        return True
    makers[value] = maker
    if maker.op is read:
        part, base = Part.of(maker, 1), maker.args[0]
        whole = part is not None and len(part.slices) == len(part.margins) == kind.rank
        return whole and (base is root or base in around)
    return (
        pointwise(maker)
        and not maker.raises
        and all(
            _fits(a, kind.shape) and _planes(a, made, makers, root, around) for a in maker.args
        )
    )


def _fits(value: Operand, shape: tuple[Dim, ...]) -> bool:
    """Whether the operand is a number or is not broadcast."""
    kind = value.type
    return isinstance(kind, ArrayType) and (not kind.rank or same_shape(kind.shape, shape))


def _factors(
    value: Operand, base: Value, made: Mapping[Value, Apply]
) -> dict[Operand, Apply] | None:
    """The statements that multiply `base` with numbers, so that zeros stay zeros; None if the
    value is something else.
    """
    if value is base:
        return {}
    maker = made.get(value) if isinstance(value, Value) else None
    if maker is None or maker.op not in (negative, multiply):
        return None
    rest = [a for a in maker.args if not isinstance(a, Const)]
    factors = [a.value for a in maker.args if isinstance(a, Const)]
    finite = all(isinstance(f, (int, float)) and isfinite(f) for f in factors)
    found = _factors(rest[0], base, made) if finite and len(rest) == 1 else None
    return None if found is None else {**found, value: maker}
