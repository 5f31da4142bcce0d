"""Branches of a kernel whose two ways are so short that both are gone; needs Numba.

    z = 0.5 * y if x == y else y

What data decide is guessed wrongly every other time, which takes as long as a dozen of such
operations, and LLVM keeps the branch where a way computes anything.  Nothing that may raise or
that reads memory is done ahead of its condition, and no more than a few operations.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from numba.core import ir, types

MOST = 4  # operations of both ways
REAL = (types.Integer, types.Float, types.Boolean)
# what reads a function or a constant, for a type or a number that is written out
FOUND = (types.Module, types.NumberClass, types.Function)
QUICK = {
    *(operator.add, operator.sub, operator.mul, operator.neg, operator.pos, operator.not_),
    *(operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne),
    *(operator.and_, operator.or_, operator.xor, operator.invert),
}
# where expressions keep their function
OPERATORS = {"binop": "fn", "unary": "fn", "inplace_binop": "immutable_fn"}


@dataclass(slots=True)
class Choices:
    """Such branches of a kernel.

    Attributes
    ----------
    joins : the block where both ways of a branch end, by the block that ends in the branch.
    gone : the blocks that are a way of such a branch, or a part of one.
    """

    blocks: Mapping[int, Any]
    kinds: Mapping[str, Any]
    joins: dict[int, int] = field(default_factory=dict[int, int])
    gone: set[int] = field(default_factory=set[int])
    entered: Counter[int] = field(default_factory=Counter[int])

    def find(self) -> None:
        """Find them, the outermost first."""
        for block in self.blocks.values():
            self.entered.update(block.terminator.get_targets())
        for label in sorted(self.blocks):
            if label not in self.gone:
                self.at(label)

    def at(self, label: int) -> None:
        """Note the branch that the block ends in, if it is one."""
        for join in self.ends(label):
            found = self.way(label, join, first=True)
            if found is not None and found[0] <= MOST:
                self.gone |= found[1] - {label}
                self.joins |= dict.fromkeys(
                    (k for k in found[1] if isinstance(self.blocks[k].terminator, ir.Branch)),
                    join,
                )
                return

    def ends(self, label: int) -> Iterator[int]:
        """Where the ways of the branch may end."""
        last = self.blocks[label].terminator
        if not isinstance(last, ir.Branch):
            return
        yield from (last.truebr, last.falsebr)
        for way in (last.truebr, last.falsebr):
            following = self.blocks[way].terminator
            if isinstance(following, ir.Jump):
                yield following.target

    def way(self, label: int, join: int, first: bool = False) -> tuple[int, set[int]] | None:
        """How many operations there are from the block to where ways join, and the blocks.

        None if that is more than is to be done in any case.  The first block is done anyway.
        """
        if label == join:
            return 0, set()
        block, last = self.blocks[label], self.blocks[label].terminator
        count, labels = 0, {label}
        if not first:
            costs = [self.cost(s) for s in block.body[:-1]]
            if self.entered[label] != 1 or None in costs:
                return None
            count = sum(c for c in costs if c)
        following = last.get_targets() if isinstance(last, ir.Jump | ir.Branch) else ()
        if not following or (isinstance(last, ir.Jump) and following[0] != join):
            return None
        for target in following:
            found = self.way(target, join) if label < target <= join else None
            if found is None:
                return None
            count += found[0]
            labels |= found[1]
        return count, labels

    def cost(self, statement: Any) -> int | None:
        """How many operations the statement is; None if it has to wait for its condition."""
        if isinstance(statement, ir.Del):
            return 0 if isinstance(self.kinds[statement.value], REAL + FOUND) else None
        if not isinstance(statement, ir.Assign):
            return None
        kind, value = self.kinds[statement.target.name], statement.value
        if isinstance(value, ir.Const | ir.Global | ir.FreeVar | ir.Var):
            return 0 if isinstance(kind, REAL + FOUND) else None
        if not isinstance(value, ir.Expr):
            return None
        if value.op == "getattr":
            return 0 if isinstance(self.kinds[value.value.name], types.Module) else None
        used = [self.kinds[v.name] for v in value.list_vars()]
        if not isinstance(kind, REAL) or not all(isinstance(k, REAL + FOUND) for k in used):
            return None
        if value.op == "call":
            return 0 if self.converts(value) else None
        name = OPERATORS.get(value.op)
        return 1 if name and getattr(value, name) in QUICK else None

    def changed(self, ways: Iterable[int], join: int) -> list[str]:
        """The numbers that ways from these blocks to where they join give values."""
        found = [self.way(label, join) for label in ways]
        labels = [label for way in found if way for label in sorted(way[1])]
        stmts = [s for label in labels for s in self.blocks[label].find_insts(ir.Assign)]
        names = dict.fromkeys(s.target.name for s in stmts)
        return [n for n in names if isinstance(self.kinds[n], REAL)]

    def converts(self, call: Any) -> bool:
        """Whether the call is one of a type, as `np.float32`, or of `bool`."""
        called = self.kinds[call.func.name]
        if isinstance(called, types.NumberClass):
            return True
        return isinstance(called, types.Function) and called.typing_key is bool
