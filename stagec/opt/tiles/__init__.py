"""Long axes are gone through in parts, where loops make products of what they compute.

    for c in ...:                          for c in ...:
        d = x - mu[:, c]                       y_c = 0
        z = q[c] @ d                           for first in range(0, n, 256):
        ...                           ->           d = x[:, first:stop] - mu[:, c]
        y[c] = np.sum(z * z)                       z = q[c] @ d
                                                   y_c += np.sum(z * z)

A library call between two nests of loops keeps them apart, so that each goes through memory
from end to end.  A part of all these arrays stays in the nearest cache until the next nest
needs it.  What is done with a part is done with no other; a sum over the axis is one of the
sums of the parts, as it is in NumPy.  Other statements that the parts need come before them,
the rest behind.  Where loops get such parts from what is around them, or hand parts to it, as
those over the components of a mixture and of its gradient do, they are inside of the loop over
the parts, and what needs their sums is in loops behind it.  How long the axes were at the first
call decides whether it is worth it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, While
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, Symbol, symbols_of
from stagec.ir.walk import defined, statements
from stagec.ops.index_bounds import Indices
from stagec.ops.products import matmul
from stagec.opt.loop_products.first_call import FirstCall
from stagec.opt.tapes.sizes import Lengths, Unknown
from stagec.opt.tiles.rewrite import in_parts
from stagec.opt.tiles.search import found


def tiles(fn: Function) -> Function:
    """The function with long axes gone through in parts."""
    products = (s for s in statements(fn.body) if isinstance(s, Apply) and s.op is matmul)
    if not fn.lengths or next(products, None) is None:
        return fn
    return replace(fn, body=_Tiles(fn).block(fn.body, inside=False))


@dataclass(slots=True)
class _Tiles:
    """Goes through a function."""

    fn: Function
    indices: Indices = field(init=False)
    measured: FirstCall = field(init=False)
    names: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.indices, self.measured = Indices.of(self.fn), FirstCall.of(self.fn)
        self.names = {s.name for v in defined(self.fn.body) for s in symbols_of(v.type)}

    def block(self, block: Block, inside: bool) -> Block:
        """The block with axes gone through in parts; `inside` says whether it is in a loop."""
        parts = self.chain(block)
        if parts is not None:
            return parts
        builder = Builder()
        with self.indices.scope(block):
            for stmt in block.stmts:
                self.indices.note(stmt)
                loops = inside or isinstance(stmt, For | While)
                made = map_regions(stmt, lambda b, loops=loops: self.block(b, loops))  # type: ignore[misc]
                builder.append(made)
            made = builder.block(block.params, block.results)
            return self.tiled(made) if inside else made

    def tiled(self, block: Block) -> Block:
        """The block in parts, if that is worth it."""
        tiled = found(block, self.indices, self.measured, None)
        if tiled is None:
            return block
        arrays = [p for p in self.fn.params if isinstance(p.type, ArrayType)]
        try:
            return in_parts(block, tiled, Lengths({}, arrays), self.symbol())
        except Unknown:
            return block

    def chain(self, block: Block) -> Block | None:
        """The block with loops that hand parts of an axis to what is around them inside of one
        over these parts; None: there are none.
        """
        inner = (s for f in block.stmts if isinstance(f, For) for s in f.body.stmts)
        if not any(isinstance(s, Apply) and s.op is matmul for s in inner):
            return None
        lengths = Lengths({}, [p for p in self.fn.params if isinstance(p.type, ArrayType)])
        tiled = found(block, Indices.learned(self.fn), self.measured, lengths)
        if tiled is None:
            return None
        try:
            return in_parts(block, tiled, lengths, self.symbol())
        except Unknown:
            return None

    def symbol(self) -> Symbol:
        """A new symbol for the length of a part."""
        name = next(n for k in count() if (n := f"part{k or ''}") not in self.names)
        self.names.add(name)
        return Symbol(name, unit=True)
