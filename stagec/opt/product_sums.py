"""Sums of products of matrices in backward loops are products of sums.

    for c in reversed(...):                     for c in reversed(...):
        d = z_bar @ q[c].T               ->         mu_bar[c] -= np.sum(z_bar, axis=0) @ q[c].T
        mu_bar[c] -= np.sum(d, axis=0)

The program does not say in which order the terms of an adjoint are added up.  A matrix of which
only sums are needed is not made then: the gradient of rows from which something was subtracted,
where nobody asks for that of the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from stagec.ir.build import Builder
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, For, Operand
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType
from stagec.ir.walk import statements
from stagec.ops.arithmetic import negative
from stagec.ops.broadcast import sum_
from stagec.ops.products import matmul
from stagec.opt.dce import dce


def product_sums(fn: Function) -> Function:
    """The function with products of sums in its backward loops."""
    loops = (s for s in statements(fn.body) if isinstance(s, For) and s.free)
    if next(loops, None) is None:
        return fn
    body = _block(fn.body, Counter(mentioned(fn.body)), free=False)
    return fn if body is fn.body else dce(replace(fn, body=body))


def _block(block: Block, used: Mapping[Operand, int], free: bool) -> Block:
    """The block; `free` says whether it is in a backward loop, `used` how often values are."""
    makers: dict[Operand, Apply] = {}
    builder = Builder()
    for stmt in block.stmts:
        builder.loc = stmt.loc
        inside = free or (isinstance(stmt, For) and stmt.free)
        made = map_regions(stmt, lambda b, inside=inside: _block(b, used, inside))  # type: ignore[misc]
        found = _summed(stmt, makers, used) if free and isinstance(stmt, Apply) else None
        if found is None:
            builder.append(made)
        else:
            found.add(builder)
        if isinstance(stmt, Apply) and len(stmt.outs) == 1:
            makers[stmt.out] = stmt
    same = len(builder.stmts) == len(block.stmts) and all(map(_is, builder.stmts, block.stmts))
    return block if same else replace(block, stmts=tuple(builder.stmts))


def _is(a: object, b: object) -> bool:
    return a is b


@dataclass(frozen=True, slots=True)
class _Summed:
    """The sum of a product that nothing else needs, or of its negative."""

    total: Apply
    product: Apply
    minus: bool

    def add(self, builder: Builder) -> None:
        """Add the product of sums."""
        attrs, axes = self.total.kwargs, self.total.kwargs["axes"]
        factors: list[Operand] = []
        for axis, factor in enumerate(self.product.args):
            if axis in axes:
                (factor,) = builder.add(sum_, (factor,), {**attrs, "axes": (axis,)})
            factors.append(factor)
        if not self.minus:
            builder.append(replace(self.product, args=tuple(factors), outs=self.total.outs))
            return
        found = builder.add(matmul, factors, {})
        builder.append(Apply(negative, tuple(found), (), self.total.outs, self.total.loc))


def _summed(
    total: Apply, makers: Mapping[Operand, Apply], used: Mapping[Operand, int]
) -> _Summed | None:
    """What the statement sums up, if it is a product of two matrices."""
    if total.op is not sum_:
        return None
    minus, value = False, total.args[0]
    while used[value] == 1 and value in makers:
        maker = makers[value]
        if maker.op is matmul and _of_matrices(maker):
            return _Summed(total, maker, minus)
        if maker.op is not negative:
            return None
        minus, value = not minus, maker.args[0]
    return None


def _of_matrices(product: Apply) -> bool:
    """Whether the factors are matrices of the type in which the sums are computed."""
    kinds = [v.type for v in (*product.args, product.out)]
    return all(
        isinstance(k, ArrayType) and k.rank == 2 and k.inexact and k.dtype == kinds[-1].dtype  # type: ignore[union-attr]
        for k in kinds
    )
