"""Sums of products that the user wrote as loops, as products of matrices.

    for f in ...:                           g = np.empty((height, n, rows))
        for n in ...:                       for k in ...:
            for i in ...:                       for n in ...:
                t = b[f]              ->            for i in ...:
                for k in ...:                           g[k, n, i] = x[n, i + k]
                    t += w[f, k] * x[n, i + k]      p = w @ g.reshape(height, -1)
                y[n, f, i] = t                      for f in ...:
                                                        for n in ...:
                                                            for i in ...:
                                                                y[n, f, i] = b[f] + p[f, n, i]

One factor depends on some of the loops around the sum, the other on the rest of them, and both
on all loops of the sum.  Each is read into a matrix first, if it is not one.  BLAS computes the
product many times faster than loops do, where it is large; how large it was at the first call
decides (`Function.lengths`).  Differentiation then finds a product, too.

The terms are added in another order, as in all sums that a program writes as loops (`sums`).
What was read is read, and nothing else: only indices that surely are inside of their arrays are
used ahead of their time.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.build import Builder
from stagec.ir.core import Block, For, Value
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.opt.loop_products.rewrite import made, needs, term
from stagec.opt.loop_products.search import Found, found


def loop_products(fn: Function) -> Function:
    """The function with large products of matrices in place of loops."""
    products = found(fn)
    return replace(fn, body=_block(fn.body, products, {})) if products else fn


def _block(block: Block, products: list[Found], values: dict[Found, Value]) -> Block:
    """The block with each product in front of the loops around it: as soon as there is all that
    it takes, so that no call of the library is between the loops and the arrays they fill.
    """
    own = {p.loop: p for p in products}
    waiting = {p: needs(p) for p in products if p.around[0] in block.stmts}
    coming = {out for stmt in block.stmts for out in stmt.outs}
    builder = Builder()
    for stmt in block.stmts:
        builder.loc = stmt.loc
        for product in [p for p, given in waiting.items() if given.isdisjoint(coming)]:
            del waiting[product]
            values[product] = made(builder, product)
        coming.difference_update(stmt.outs)
        if isinstance(stmt, For) and stmt in own:
            term(builder, own[stmt], values[own[stmt]])
        else:
            builder.append(map_regions(stmt, lambda inner: _block(inner, products, values)))
    return replace(block, stmts=tuple(builder.stmts))
