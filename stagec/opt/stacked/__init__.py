"""Products that a loop adds up, as one product of all rows behind the loop.

    for t in ...:                        for t in ...:
        d = ...                              d_rows[t] = d = ...
        w_bar += h_tape[t].T @ d     ->  h, d = h_tape.reshape(-1, m), d_rows.reshape(-1, n)
                                         w_bar += h.T @ d

That is how the gradients of weights come about that a program uses on each trip.  A trip then
writes the rows of its factors, in place of a whole matrix, and BLAS has a long sum.  A factor
that is a row of an array already, or is stored as one, needs no room; others get some where
the loop reads as much from tapes and other arrays, and where this is less than the matrix.

The terms are added in another order, as in all sums that a program writes as loops (`sums`).
How large the factors were at the first call decides whether it is worth it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from stagec.ir.build import Builder, exact
from stagec.ir.core import Apply, Block, For, If, Operand, Value, const, operand_of
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, at_least, same_shape
from stagec.ir.walk import statements
from stagec.ops.arithmetic import Handle
from stagec.ops.axes import transpose
from stagec.ops.comparison import greater
from stagec.ops.extent import extent
from stagec.ops.family import sizes
from stagec.ops.indexing import update
from stagec.ops.products import matmul
from stagec.ops.rounding import py_max
from stagec.ops.shape import reshape
from stagec.opt.cse import cse
from stagec.opt.dce import dce
from stagec.opt.loop_products.first_call import FirstCall
from stagec.opt.stacked.search import PRODUCTS, Factor, Sum, Term, factors_of, found, shape_of
from stagec.opt.tapes.sizes import Lengths, Unknown, room


def stacked(fn: Function) -> Function:
    """The function with such products behind loops."""
    products = (s for s in statements(fn.body) if isinstance(s, Apply) and s.op in PRODUCTS)
    if not fn.lengths or next(products, None) is None:
        return fn
    first = FirstCall.of(fn)
    lengths = Lengths({}, [p for p in fn.body.params if isinstance(p.type, ArrayType)])
    return dce(cse(replace(fn, body=_block(fn.body, first, lengths))))


def _block(block: Block, first: FirstCall, lengths: Lengths) -> Block:
    """The block with products behind its loops, and those inside."""
    builder = Builder()
    for stmt in block.stmts:
        builder.loc = stmt.loc
        made = map_regions(stmt, lambda inner: _block(inner, first, lengths))
        sums = found(made, first) if isinstance(made, For) else []
        if sums and isinstance(made, For):
            _Rewriter(made, sums, lengths).rewritten(builder)
        else:
            builder.append(made)
    return replace(block, stmts=tuple(builder.stmts))


Key: TypeAlias = tuple[Value, bool]


@dataclass(slots=True)
class _Rewriter:
    """Takes sums of products out of a loop.

    Attributes
    ----------
    loop, sums : the loop, and what it adds up.
    lengths : what the function's arguments tell of sizes.
    rows : what has the rows of each factor behind the loop, by the factors' keys.
    """

    loop: For
    sums: Sequence[Sum]
    lengths: Lengths
    rows: dict[Key, Value] = field(default_factory=dict["Key", "Value"])

    def rewritten(self, builder: Builder) -> None:
        """Add the loop and the products behind it; the loop as it is where no argument tells
        how long rows are.
        """
        before = Builder(loc=builder.loc)
        kept = {f.key: f for f in factors_of(self.sums) if f.rows is None}
        try:
            trips = self.trips(before)
            rooms = [self.room(before, trips, f) for f in kept.values()]
        except Unknown:
            builder.append(self.loop)
            return
        for stmt in before.stmts:
            builder.append(stmt)
        self.rows = {f.key: f.rows for f in factors_of(self.sums) if f.rows is not None}
        self.add_loop(builder, list(kept.values()), rooms)
        for each in self.sums:
            self.add_sum(builder, each, trips)

    def trips(self, builder: Builder) -> Operand:
        """How many trips the loop makes."""
        least = at_least(exact(self.loop.hi))
        if least is not None and least >= 0:
            return self.loop.hi
        return builder.add(py_max, (self.loop.hi, const(0)), {})[0]

    def room(self, builder: Builder, trips: Operand, factor: Factor) -> Value:
        """An array for the rows of the factor; may raise `Unknown`."""
        kind, shape = factor.value.type, shape_of(factor)
        assert isinstance(kind, ArrayType)
        lengths = [self.lengths.room(builder, dim) for dim in shape]
        return room(builder, [trips, *lengths], shape, kind.dtype, factor.value.hint)

    def add_loop(
        self, builder: Builder, kept: Sequence[Factor], rooms: Sequence[Value]
    ) -> None:
        """Add the loop, which keeps the rows of factors in these arrays and adds nothing up."""
        loop, inside = self.loop, Builder(loc=builder.loc)
        params = [Value(array.type, array.hint) for array in rooms]
        left = dict(zip(kept, params, strict=True))
        made: dict[Factor, Value] = {}
        terms = [term for each in self.sums for term in each.terms]
        makers = {term.maker: term for term in terms}
        steps = {stmt for term in terms for stmt in (term.step, term.sign)}
        for stmt in loop.body.stmts:
            inside.loc = stmt.loc
            if stmt in makers:
                used = {makers[stmt].left.key, makers[stmt].right.key}
                for factor in [f for f in left if f.key in used]:
                    made[factor] = self.kept(inside, factor, left.pop(factor))
            elif stmt not in steps:
                inside.append(stmt)
        results = [made[factor] for factor in kept]
        behind = [Value(array.type, array.hint) for array in rooms]
        self.rows |= {f.key: array for f, array in zip(kept, behind, strict=True)}
        at = {each.at for each in self.sums}
        stay = [k for k in range(len(loop.carry)) if k not in at]
        index, *carried = loop.body.params
        body = inside.block(
            (index, *(carried[k] for k in stay), *params),
            (*(loop.body.results[k] for k in stay), *results),
        )
        init = (*(loop.init[k] for k in stay), *rooms)
        carry = (*(loop.carry[k] for k in stay), *behind)
        builder.append(replace(loop, init=init, body=body, carry=carry))

    def kept(self, builder: Builder, factor: Factor, rows: Value) -> Value:
        """Add that the factor is a row of the array; the array with it."""
        value = factor.value
        if factor.turned:
            (value,) = builder.add(transpose, (value,), {"axes": (1, 0)})
        items = (Arg(0), *[Slice()] * len(shape_of(factor)))
        attrs = {"path": (Index(items),)}
        return builder.add(update, (rows, value, self.loop.body.params[0]), attrs, rows.hint)[0]

    def add_sum(self, builder: Builder, each: Sum, trips: Operand) -> None:
        """Add what has been added up, behind the loop.

        Lengths that may not agree do so if there was a trip; else nothing is added to.
        """
        start, out = self.loop.init[each.at], self.loop.carry[each.at]
        sure = all(same_shape(term.maker.out.type.shape, out.type.shape) for term in each.terms)  # type: ignore[union-attr]
        then = builder if sure else builder.nested()
        total: Operand = start
        for term in each.terms:
            product = self.product(then, term)
            args = (total, product) if term.at == 0 else (product, total)
            step = replace(term.step, args=args, outs=(Value(out.type, out.hint),))
            if sure and term is each.terms[-1]:
                step = replace(step, outs=(out,))
            then.append(step)
            total = step.out
        if not sure:
            (cond,) = builder.add(greater, (trips, const(0)), {})
            blocks = then.block((), (total,)), Block((), (), (start,))
            builder.append(If(cond, *blocks, (out,), builder.loc))

    def product(self, builder: Builder, term: Term) -> Value:
        """Add the product of all rows."""
        left, right = (self.flat(builder, f) for f in (term.left, term.right))
        (turned,) = builder.add(transpose, (left,), {"axes": (1, 0)})
        (product,) = builder.add(matmul, (turned, right), {}, term.maker.out.hint)
        if term.sign is not None:
            (product,) = builder.add(term.sign.op, (product,), {})
        return product

    def flat(self, builder: Builder, factor: Factor) -> Value:
        """The rows of all trips as a matrix."""
        array = self.rows[factor.key]
        if len(shape_of(factor)) == 1:
            return array
        trips, each, columns = (
            Handle(builder, builder.add(extent, (array,), {"axis": axis})[0])
            for axis in range(3)
        )
        plan, given = sizes((trips * each, columns))
        return operand_of(reshape(Handle(builder, array), *given, shape=plan))  # type: ignore[return-value]
