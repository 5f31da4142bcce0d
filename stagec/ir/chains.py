"""The steps that a number goes through in one trip of a loop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from stagec.ir.core import Apply, Block, For, Operand, Stmt, Value
from stagec.ir.walk import operands, regions, statements

Along = Callable[[Apply], Collection[int]]


@dataclass(slots=True)
class Chain:
    """How the body of a loop makes one number of another.

    `along` says at which operands of an op the number may come in.
    """

    body: Block
    along: Along
    definer: dict[Value, Stmt] = field(default_factory=dict[Value, Stmt])
    mentions: dict[Value, int] = field(default_factory=dict[Value, int])

    def __post_init__(self) -> None:
        for stmt in statements(self.body):
            self.definer.update(dict.fromkeys(stmt.outs, stmt))
        for operand in mentioned(self.body):
            if isinstance(operand, Value):
                self.mentions[operand] = self.mentions.get(operand, 0) + 1

    def steps(self, start: Value, end: Operand) -> dict[Apply, int]:
        """The ops that lead from `start` to `end`, and at which operand the number comes in.

        There are none if there is another way, or if something else sees what is between.
        """
        return (self._leads(start, end) or {}) if self.once(start) else {}

    def _leads(self, start: Value, end: Operand) -> dict[Apply, int] | None:
        """The steps from `start` to `end`; None if there is another way."""
        if end is start:
            return {}
        if not isinstance(end, Value) or not self.once(end):
            return None
        match self.definer.get(end):
            case Apply() as stmt:
                for k in self.along(stmt):
                    before = self._leads(start, stmt.args[k])
                    if before is not None:
                        return {**before, stmt: k}
                return None
            case For(init=init, body=body, carry=carry) if end in carry:
                k = carry.index(end)
                param = body.params[k + 1]
                inner = self._leads(param, body.results[k]) if self.once(param) else None
                before = self._leads(start, init[k])
                return None if inner is None or before is None else {**before, **inner}
            case _:
                return None

    def once(self, value: Value) -> bool:
        """Whether there is one mention of the value."""
        return self.mentions.get(value, 0) == 1


def mentioned(block: Block) -> Iterator[Operand]:
    """Every operand and result in the block, as often as it is mentioned."""
    for stmt in block.stmts:
        yield from operands(stmt)
        for region in regions(stmt):
            yield from mentioned(region)
    yield from block.results
