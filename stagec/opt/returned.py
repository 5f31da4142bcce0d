"""Results of a function that share memory, as the caller sees, stay outside of kernels.

    x_1, part = kernel(x)         x_1 = kernel(x)
    return x_1, part       ->     return x_1, x_1[::-1]

Compiled code would have to copy one of them: what it returns are arrays of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, If, Operand, Stmt, Value, While
from stagec.ir.rebuild import map_regions
from stagec.ir.walk import statements

Pair = tuple[Operand, Operand]


def returned(body: Block) -> tuple[Block, set[Stmt]]:
    """The block with views that are its results at its end, where another result has the same
    memory; and the statements that make such results, which compiled code cannot.
    """
    found = _Returned()
    for stmt in statements(body):
        found.makers |= dict.fromkeys(stmt.outs, stmt)
    body = found.block(body, list(combinations(body.results, 2)))
    return body, found.apart


@dataclass(slots=True)
class _Returned:
    """What made each value, and the statements that stay apart."""

    makers: dict[Value, Stmt] = field(default_factory=dict["Value", "Stmt"])
    apart: set[Stmt] = field(default_factory=set["Stmt"])

    def block(self, block: Block, pairs: Sequence[Pair]) -> Block:
        """The block with its views at the end; the pairs of its results are seen together."""
        pairs = [pair for pair in pairs if self.shared(*pair)]
        if not pairs:
            return block
        seen = {v for pair in pairs for v in pair}
        within = {v for s in block.stmts for v in s.outs}
        stmts: dict[Stmt, list[Pair]] = {}
        for one, two in pairs:
            one, two = self.whole(one), self.whole(two)
            stmt = self.makers.get(one) if isinstance(one, Value) else None
            if one is not two and stmt is not None:
                stmts.setdefault(stmt, []).append((one, two))
        builder = Builder([self.inside(s, stmts[s]) if s in stmts else s for s in block.stmts])
        results = [self.again(builder, r, within) if r in seen else r for r in block.results]
        return replace(block, stmts=tuple(builder.stmts), results=tuple(results))

    def inside(self, stmt: Stmt, pairs: Sequence[Pair]) -> Stmt:
        """The statement, of which pairs of results share memory, with its blocks."""
        made = map_regions(
            stmt,
            lambda block: self.block(
                block,
                [p for pair in pairs for p in _inner(stmt, pair) if {*p} <= {*block.results}],
            ),
        )
        self.apart.add(made)
        return made

    def again(self, builder: Builder, result: Operand, within: set[Value]) -> Operand:
        """The result, if it is a view, made at the end of the block."""
        stmt = self.makers.get(result) if isinstance(result, Value) else None
        if not isinstance(result, Value) or stmt is None or result not in within:
            return result
        source = _source(stmt)
        if not isinstance(stmt, Apply) or source is None:
            return result
        above = self.again(builder, source, within)
        args = tuple(above if a is source else a for a in stmt.args)
        view = replace(stmt, args=args, outs=(Value(result.type, result.hint),))
        builder.append(view)
        self.apart.add(view)
        return view.outs[0]

    def shared(self, one: Operand, two: Operand) -> bool:
        """Whether two results share memory: both of one array, on some path."""
        if one is two:
            return False
        one, two = self.whole(one), self.whole(two)
        if one is two:
            return isinstance(one, Value)
        stmt = self.makers.get(one) if isinstance(one, Value) else None
        if stmt is None or isinstance(stmt, Apply) or two not in stmt.outs:
            return False
        return any(self.shared(*pair) for pair in _inner(stmt, (one, two)))

    def whole(self, operand: Operand) -> Operand:
        """The array that the operand is a view of."""
        while isinstance(operand, Value) and operand in self.makers:
            source = _source(self.makers[operand])
            if source is None:
                break
            operand = source
        return operand


def _source(stmt: Stmt) -> Operand | None:
    """The array that the statement makes a view of; None of others."""
    if not isinstance(stmt, Apply):
        return None
    position = stmt.op.aliased(stmt.kwargs)
    return None if position is None else stmt.args[position]


def _inner(stmt: Stmt, pair: Pair) -> Iterator[Pair]:
    """What the blocks of the statement give for two of its results."""
    match stmt:
        case If(then=then, orelse=orelse, outs=outs):
            sides = (then.results, orelse.results)
        case For(body=body, carry=outs) | While(body=body, carry=outs):
            sides = (body.results,)
        case _:
            return
    if not {*pair} <= {*outs}:
        return
    one, two = (outs.index(v) for v in pair)  # type: ignore[arg-type]
    for side in sides:
        yield side[one], side[two]
