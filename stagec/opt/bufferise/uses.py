"""Where each value is used last: liveness in a form that is asked one value at a time.

Only uses of contents count: an op that reads but the shape of an array does not keep it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from stagec.ir.alias import contents_used
from stagec.ir.core import Apply, Block, Operand, Stmt, Value
from stagec.ir.walk import operands, regions


@dataclass(slots=True)
class Uses:
    """Last uses and places of definition.

    Attributes
    ----------
    last : for each block, for each value used in it or in blocks nested in it, the position of
        the last statement that does; the number of statements if it is a result.
    home : the block that defines a value.
    """

    last: dict[Block, dict[Value, int]] = field(default_factory=dict[Block, dict[Value, int]])
    home: dict[Value, Block] = field(default_factory=dict[Value, Block])

    def inside(self, stmt: Stmt, value: Value) -> bool:
        """Whether a region of the statement uses the value."""
        return any(value in self.last[region] for region in regions(stmt))


def uses_of(block: Block) -> Uses:
    """The uses in the block and in all blocks nested in it."""
    found = Uses()
    _collect(block, found)
    return found


def _collect(block: Block, found: Uses) -> None:
    last: dict[Value, int] = {}
    found.last[block] = last
    found.home.update(dict.fromkeys(block.params, block))
    for position, stmt in enumerate(block.stmts):
        read = contents_used(stmt) if isinstance(stmt, Apply) else operands(stmt)
        last.update(dict.fromkeys(_values(read), position))
        for region in regions(stmt):
            _collect(region, found)
            free = (v for v in found.last[region] if found.home.get(v) is not region)
            last.update(dict.fromkeys(free, position))
        found.home.update(dict.fromkeys(stmt.outs, block))
    last.update(dict.fromkeys(_values(block.results), len(block.stmts)))


def _values(found: Iterable[Operand]) -> list[Value]:
    return [operand for operand in found if isinstance(operand, Value)]
