"""Products of a row that is there before the loop, as one product of all rows.

    for t in ...:                            x_w = x.reshape(-1, n) @ w[:n]
        z = concatenate((x[t], h)) @ w  ->   for t in ...:
        ...                                      z = x_w[t] + h @ w[n:]
        h = ...                                  ...

A recurrent net is such a loop: what its inputs are multiplied by is the same on each trip.  One
product of many rows is several times faster than many of a few rows are.  This comes before
differentiation: then the adjoint is one product of all rows as well, a backward trip makes
no adjoint of the part that is there, and no tape has it.

A sum of products that BLAS makes may be taken in any order.  Lengths that do not agree still
are an error of the trip that needs them.  How large the product was at the first call decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, Operand, Value, operand_of
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.types import same
from stagec.ir.walk import statements
from stagec.ops.arithmetic import Handle, add
from stagec.ops.axes import length, transpose
from stagec.ops.copying import copy
from stagec.ops.family import sizes
from stagec.ops.indexing import read
from stagec.ops.joining import concatenate, part_of
from stagec.ops.products import matmul
from stagec.ops.rounding import py_max
from stagec.ops.shape import reshape
from stagec.opt.ahead.search import Ahead, found
from stagec.opt.dce import dce
from stagec.opt.loop_products.first_call import FirstCall


def ahead(fn: Function) -> Function:
    """The function with such products in front of loops."""
    products = (s for s in statements(fn.body) if isinstance(s, Apply) and s.op is matmul)
    if not fn.lengths or next(products, None) is None:
        return fn
    return dce(replace(fn, body=_block(fn.body, FirstCall.of(fn))))


def _block(block: Block, first: FirstCall) -> Block:
    """The block with products in front of its loops, and those inside."""
    builder = Builder()
    for stmt in block.stmts:
        builder.loc = stmt.loc
        made = map_regions(stmt, lambda inner: _block(inner, first))
        products = found(made, first) if isinstance(made, For) else []
        if products and isinstance(made, For):
            made = _rewritten(builder, made, products)
        builder.append(made)
    return replace(block, stmts=tuple(builder.stmts))


def _rewritten(builder: Builder, loop: For, products: Sequence[Ahead]) -> For:
    """The loop with what it computes of the products; adds the rest of them in front of it."""
    inside = Builder()
    own = {each.product: each for each in products}
    for stmt in loop.body.stmts:
        inside.loc = builder.loc = stmt.loc
        if isinstance(stmt, Apply) and stmt in own:
            _row(builder, inside, own[stmt], loop.body.params[0])
        else:
            inside.append(stmt)
    builder.loc = loop.loc
    return replace(loop, body=replace(loop.body, stmts=tuple(inside.stmts)))


def _row(builder: Builder, inside: Builder, each: Ahead, index: Value) -> None:
    """Add the product of one trip, with that of all trips in front of the loop."""
    weights, out = Handle(builder, each.weights), each.product.out
    here, there = _parts(Handle(builder, each.rows), weights, each)
    products = operand_of(_products(Handle(builder, each.rows), here, each))
    if there is None:
        inside.append(Apply(read, (products, index), each.row.attrs, (out,), inside.loc))
        return
    (row,) = inside.add(read, (products, index), each.row.kwargs)
    rest: Operand = each.others[0]
    if len(each.others) > 1:
        axis = len(each.others[0].type.shape) - 1  # type: ignore[union-attr]
        (rest,) = inside.add(concatenate, each.others, {"axis": axis})
    factors = (rest, operand_of(there))
    (rest,) = inside.add(matmul, factors[::-1] if each.turned else factors, {})
    inside.append(Apply(add, (row, rest), (), (out,), inside.loc))


def _parts(rows: Any, weights: Any, each: Ahead) -> tuple[Any, Any]:
    """The weights of the rows, and those of what is joined to them.

    Where there are too few of them, the others get none, and are told so on the first trip.
    Loops are slow to read columns of a wider matrix, so that these are copied.
    """
    if not each.others:
        return weights, None
    axis, width = 1 if each.turned else 0, length(rows, -1)
    cut = width if each.behind else py_max(length(weights, axis) - width, 0)
    parts = part_of(weights, axis, None, cut), part_of(weights, axis, cut, None)
    here, there = parts if each.behind else parts[::-1]
    return here, copy(there) if each.turned else there


def _products(rows: Any, weights: Any, each: Ahead) -> Any:
    """The products of all rows, in an array like that of the rows."""
    weights = transpose(weights, axes=(1, 0)) if each.turned else weights
    shape = [length(rows, axis) for axis in range(np.ndim(rows))]
    plan, given = sizes((math.prod(shape[:-1]), shape[-1]))
    flat = reshape(rows, *given, shape=plan)
    if not same(flat.shape[-1], weights.shape[0]):
        flat = part_of(flat, 1, None, length(weights, 0))
    product = matmul(flat, weights)
    plan, given = sizes((*shape[:-1], length(weights, 1)))
    return reshape(product, *given, shape=plan)
