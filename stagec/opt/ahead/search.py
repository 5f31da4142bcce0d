"""Which products in loops are worth one product of all rows in front of the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stagec.ir.build import exact
from stagec.ir.core import Apply, For, Operand, Value
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import ArrayType, Shape, at_least, same
from stagec.ir.walk import counted, defined
from stagec.ops.indexing import read
from stagec.ops.joining import concatenate
from stagec.ops.products import matmul
from stagec.opt.loop_products.first_call import FirstCall

SHORT = 8  # trips: fewer gain little
TALL = 8  # rows of one trip: with more, a product is as fast in the loop
SMALL = 2**8  # elements of the weights: fewer are summed up in no time
WORTH = 2**15  # multiplications: fewer take no longer than a call of the library
WIDER = 8  # how many times as wide as the rows what is kept of them may be
LARGE = 2**24  # numbers that are kept


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """A product in a loop of which a factor, or a part of it, is there before the loop.

    Attributes
    ----------
    product : the product; with `turned` the factor is its second operand, a vector.
    row : what reads the factor on a trip: all of an array but for one axis.
    others : what is joined to the row, and `behind` whether behind it; none: nothing.
    """

    product: Apply
    turned: bool
    row: Apply
    others: tuple[Value, ...] = ()
    behind: bool = True

    @property
    def weights(self) -> Value:
        """The other factor."""
        return self.product.args[0 if self.turned else 1]  # type: ignore[return-value]

    @property
    def rows(self) -> Value:
        """The array of all rows."""
        return self.row.args[0]  # type: ignore[return-value]

    @property
    def axis(self) -> int:
        """Along which axis the rows follow each other."""
        (index,) = self.row.kwargs["path"]
        return index.items.index(Arg(0))


def found(loop: For, first: FirstCall) -> list[Ahead]:
    """The products in the loop that are worth one in front of it."""
    applied = [s for s in loop.body.stmts if isinstance(s, Apply)]
    products = [s for s in applied if s.op is matmul]
    if not products or not counted(loop):
        return []
    makers = {out: s for s in applied for out in s.outs}
    finder = _Finder(loop, makers, frozenset(defined(loop.body)), first)
    return [each for each in map(finder.ahead, products) if each is not None]


@dataclass(frozen=True, slots=True)
class _Finder:
    """Looks at the products of a loop.

    Attributes
    ----------
    makers : what makes each value, of the statements of the body itself.
    inside : all values of the body.
    first : what is known of the first call.
    """

    loop: For
    makers: Mapping[Value, Apply]
    inside: frozenset[Value]
    first: FirstCall

    def ahead(self, product: Apply) -> Ahead | None:
        """What can be computed of the product before the loop, if that is worth it."""
        kinds = [a.type for a in (*product.args, product.out)]
        if len({k.dtype for k in kinds if isinstance(k, ArrayType)}) != 1:
            return None
        left, right = (k.rank for k in kinds[:2] if isinstance(k, ArrayType))
        if not kinds[0].inexact or (left, right) not in ((1, 2), (2, 2), (2, 1)):  # type: ignore[union-attr]
            return None
        turned = right == 1
        factor, weights = product.args[:: -1 if turned else 1]
        if not isinstance(weights, Value) or weights in self.inside:
            return None
        each = self.whole(product, turned, factor) or self.joined(product, turned, factor)
        return each if each is not None and self.worth(each) else None

    def whole(self, product: Apply, turned: bool, factor: Operand) -> Ahead | None:
        """The product of a factor that is all there."""
        row, inner = self.row(factor), 1 if turned else 0
        if row is None or not same(_shape(factor)[-1], _shape(product.args[1 - inner])[inner]):
            return None
        return Ahead(product, turned, row)

    def joined(self, product: Apply, turned: bool, factor: Operand) -> Ahead | None:
        """The product of a factor of which the first or the last part is there.

        All parts surely have as many rows, as nothing compares them any more; the others have
        a column, so that the rest of the product fails where lengths do not agree.
        """
        join = self.makers.get(factor) if isinstance(factor, Value) else None
        if join is None or join.op is not concatenate or len(join.args) < 2:
            return None
        parts = [a for a in join.args if isinstance(a, Value)]
        shape = _shape(factor)
        if len(parts) < len(join.args) or join.kwargs["axis"] != len(shape) - 1:
            return None
        if any(p.type.dtype != factor.type.dtype for p in parts):  # type: ignore[union-attr]
            return None
        if not all(
            same(a, b) for p in parts for a, b in zip(_shape(p)[:-1], shape, strict=False)
        ):
            return None
        for at, behind in ((0, True), (-1, False)):
            row, others = self.row(parts[at]), parts[1:] if behind else parts[:-1]
            if row is not None and any((at_least(_shape(p)[-1]) or 0) > 0 for p in others):
                return Ahead(product, turned, row, tuple(others), behind)
        return None

    def row(self, value: Operand) -> Apply | None:
        """What reads the value, if it is the row of the trip of an array that is there."""
        maker = self.makers.get(value) if isinstance(value, Value) else None
        if maker is None or maker.op is not read or len(maker.args) != 2:
            return None
        rows, index = maker.args
        if index is not self.loop.body.params[0] or not isinstance(rows, Value):
            return None
        path, kind = maker.kwargs["path"], rows.type
        if rows in self.inside or len(path) != 1 or not isinstance(kind, ArrayType):
            return None
        items: Sequence[object] = path[0].items if isinstance(path[0], Index) else ()
        if [i for i in items if i != Slice()] != [Arg(0)]:
            return None
        axis = items.index(Arg(0))
        whole = axis < kind.rank - 1 and same(kind.shape[axis], exact(self.loop.hi))
        return maker if whole else None

    def worth(self, each: Ahead) -> bool:
        """Whether one product is less work, as sizes were at the first call.

        The adjoint of a part is less work than that of the whole, however many rows there are.
        """
        rows, weights = self.first.shape(each.rows), self.first.shape(each.weights)
        if rows is None or weights is None:
            return False
        trips, inner, columns = rows[each.axis], rows[-1], weights[0 if each.turned else 1]
        height = 1 if len(rows) == 2 else rows[1 - each.axis]
        kept = trips * height * columns
        if (
            trips < SHORT
            or (height > TALL and not each.others)
            or inner * columns < SMALL
            or kept > LARGE
        ):
            return False
        return kept * inner >= WORTH and columns <= WIDER * inner


def _shape(value: Operand) -> Shape:
    assert isinstance(value.type, ArrayType)
    return value.type.shape
