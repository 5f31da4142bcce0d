"""Which sums in loops are products of matrices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from stagec.ir.chains import Chain
from stagec.ir.core import Apply, Block, Effect, For, Operand, Stmt, Undef, Value, known
from stagec.ir.function import Function
from stagec.ir.types import ArrayType
from stagec.ir.walk import defined, regions, statements
from stagec.ops.arithmetic import add, multiply, subtract
from stagec.ops.index_bounds import Indices
from stagec.ops.indexing import read
from stagec.opt.loop_products.first_call import FirstCall
from stagec.opt.memory import allocates
from stagec.opt.scalarise.lengths import lengths

SUMS = {add: (0, 1), subtract: (0,)}  # at which operands a sum may come in
FEW = 4  # rows or columns: fewer are little work for each element that is read into a matrix
SHORT = 8  # terms: fewer are soon added up
WORTH = 2**16  # multiplications: fewer take no longer than the calls of the library
LARGE = 2**24  # elements of a matrix that is made; the loops need no memory


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """One of the factors.

    Attributes
    ----------
    value : the number, in the innermost loop.
    steps : how it is made of loop indices and of what is there before the loops.
    own : those of the loops around the sum that it depends on.
    """

    value: Value
    steps: tuple[Apply, ...]
    own: tuple[For, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A sum that is a product of matrices.

    Attributes
    ----------
    loop : the outermost loop of the sum.
    summed : all of them.
    around : the loops around it that belong to the product, the outermost first.
    step : what adds, or subtracts, a term; its operand `at` is the sum so far.
    left, right : the factors, the smaller one first.
    """

    loop: For
    summed: tuple[For, ...]
    around: tuple[For, ...]
    step: Apply
    at: int
    left: Factor
    right: Factor


def found(fn: Function) -> list[Found]:
    """The sums that are large products."""
    if not fn.lengths:
        return []
    sums = list(_sums(fn.body, ()))
    if not sums:
        return []
    named = lengths(fn)
    twins = dict(zip(statements(fn.body), statements(named.body), strict=True))
    finder = _Finder(twins, Indices.learned(named), FirstCall.of(fn))
    for loop, _ in sums:
        finder.makers.update(_makers(loop.body))
    for loop in {around for _, loops in sums for around in loops}:
        finder.makers.update(_makers(loop.body))
    products = [finder.product(loop, around) for loop, around in sums]
    return [p for p in products if p is not None]


def _makers(block: Block) -> Iterator[tuple[Value, Apply]]:
    return ((out, s) for s in block.stmts if isinstance(s, Apply) for out in s.outs)


def _sums(block: Block, around: tuple[For, ...]) -> Iterator[tuple[For, tuple[For, ...]]]:
    """The loops that sum up a number alone, and the plain loops directly around them."""
    for stmt in block.stmts:
        if isinstance(stmt, For) and _plain(stmt):
            if around and _is_sum(stmt):
                yield stmt, around
            else:
                yield from _sums(stmt.body, (*around, stmt))
        else:
            for region in regions(stmt):
                yield from _sums(region, ())


def _plain(loop: For) -> bool:
    """Whether it makes all its trips, one by one."""
    return known(loop.step) == 1 and not loop.until and loop.trips is None


def _is_sum(loop: For) -> bool:
    kind = loop.carry[0].type if len(loop.carry) == 1 else None
    return isinstance(kind, ArrayType) and not kind.rank and kind.dtype.char in "fd"


def _nest(loop: For) -> tuple[For, ...] | None:
    """The loops of the sum, each directly in the one before; None if there is more in them."""
    loops = [loop]
    while True:
        inner = [s for s in loops[-1].body.stmts if not isinstance(s, Apply)]
        if not inner:
            return tuple(loops)
        if len(inner) > 1 or not isinstance(inner[0], For):
            return None
        if not _plain(inner[0]) or not _is_sum(inner[0]):
            return None
        loops.append(inner[0])


@dataclass(slots=True)
class _Finder:
    """Looks at sums.

    Attributes
    ----------
    twins : the statements where lengths that only the run time knows have names.
    indices : which indices are inside of their arrays, of these twins.
    first : how long loops were at the first call.
    makers : what makes each value in the loops.
    """

    twins: Mapping[Stmt, Stmt]
    indices: Indices
    first: FirstCall
    makers: dict[Value, Apply] = field(default_factory=dict["Value", "Apply"])

    def product(self, loop: For, around: tuple[For, ...]) -> Found | None:
        """The sum as a product of matrices, with as many loops around it as may be."""
        summed = _nest(loop)
        if summed is None:
            return None
        for inner in summed:
            self.makers.update(_makers(inner.body))
        steps = Chain(loop.body, lambda s: SUMS.get(s.op, ())).steps(
            loop.body.params[1], loop.body.results[0]
        )
        if len(steps) != 1:
            return None
        ((step, at),) = steps.items()
        term = self.makers.get(step.args[1 - at])  # type: ignore[arg-type]
        if term is None or term.op is not multiply or not _of_one_type(term, step, loop):
            return None
        best: Found | None = None
        for k in reversed(range(len(around))):
            factors = self.factors(term, summed, around[k:])
            if factors is None:
                break
            candidate = Found(loop, summed, around[k:], step, at, *factors)
            best = self.better(candidate) or best
        return best

    def factors(
        self, term: Apply, summed: tuple[For, ...], around: tuple[For, ...]
    ) -> tuple[Factor, Factor] | None:
        """The factors, if each of the loops around belongs to one of them."""
        inside = set(defined(around[0].body))
        bounds = (b for loop in (*summed, *around[1:]) for b in (loop.lo, loop.hi))
        if any(b in inside for b in bounds):
            return None
        indices = {loop.body.params[0]: loop for loop in (*around, *summed)}
        factors: list[Factor] = []
        for value in term.args:
            steps: dict[Apply, None] = {}
            used: set[For] = set()
            if not self.traced(value, inside, indices, steps, used):
                return None
            if not isinstance(value, Value) or not used.issuperset(summed):
                return None
            own = tuple(loop for loop in around if loop in used)
            factors.append(Factor(value, tuple(steps), own))
        left, right = factors
        if len(left.own) + len(right.own) != len(around) or {*left.own} & {*right.own}:
            return None
        return left, right

    def traced(
        self, value: Operand, inside: set[Value], indices: Mapping[Value, For],
        steps: dict[Apply, None], used: set[For],
    ) -> bool:  # fmt: skip
        """Note how the value is made; whether that may be done in front of the loops."""
        if isinstance(value, Undef):
            return False
        if not isinstance(value, Value) or value not in inside:
            return True
        if value in indices:
            used.add(indices[value])
            return True
        maker = self.makers.get(value)
        if maker is None or not self.early(maker):
            return False
        if not all(self.traced(a, inside, indices, steps, used) for a in maker.args):
            return False
        steps[maker] = None
        return True

    def early(self, stmt: Apply) -> bool:
        """Whether the op may be made where the program does not make it."""
        if (
            stmt.op.effect is not Effect.NONE
            or allocates(stmt)
            or stmt.op.overwrites is not None
        ):
            return False
        if not stmt.raises:
            return True
        twin = self.twins[stmt]
        return isinstance(twin, Apply) and twin.op is read and self.indices.proven(twin)

    def better(self, product: Found) -> Found | None:
        """The product with the smaller factor first; None if it is not worth it."""
        left, right = product.left, product.right
        rows, columns, terms = (
            prod(map(self.first.trips, loops))
            for loops in (left.own, right.own, product.summed)
        )
        if min(rows, columns) < FEW or terms < SHORT or rows * columns * terms < WORTH:
            return None
        if max(rows, columns) * max(terms, min(rows, columns)) > LARGE:
            return None
        if rows <= columns:
            return product
        found = product
        return Found(found.loop, found.summed, found.around, found.step, found.at, right, left)


def _of_one_type(term: Apply, step: Apply, loop: For) -> bool:
    """Whether all numbers of the sum have one precision."""
    kind = loop.carry[0].type
    assert isinstance(kind, ArrayType)
    types = [*(a.type for a in (*term.args, *step.args)), step.out.type]
    same = all(isinstance(t, ArrayType) and t.dtype == kind.dtype for t in types)
    return same and step.op.infer(loop.init[0].type, term.out.type) == kind
