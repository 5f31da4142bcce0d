"""Which values must have different names: those whose lives overlap in the printed text.

Sets of values are bit masks.  The invariant: if the bit of `w` is not in the mask of `v`, nor
that of `v` in the mask of `w`, then one variable can hold both.
"""

from __future__ import annotations

from collections.abc import Iterable

from stagec.codegen.plan import Plan, parameters
from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Value, While
from stagec.ir.sharing import holds_memory
from stagec.ir.walk import defined


class Lives:
    """The overlaps of the values of a function.

    Attributes
    ----------
    index : the bit number of each value, in order of definition.
    overlaps : for each bit number the values alive where that value is set.
    """

    def __init__(self, plan: Plan, body: Block) -> None:
        self.index = {value: k for k, value in enumerate(defined(body))}
        self.overlaps = [0] * len(self.index)
        self._plan = plan
        self._read: dict[Block, int] = {}
        self._inside: dict[Block, int] = {}
        self._summarise(body)
        entry = self._block(body, 0)
        self._set(body.params, entry)

    def mask(self, values: Iterable[Value]) -> int:
        """The set of values as a mask."""
        total = 0
        for value in values:
            total |= 1 << self.index[value]
        return total

    def _leaves(self, operands: Iterable[Operand]) -> int:
        return self.mask(self._plan.leaves_of(operands))

    def _summarise(self, block: Block) -> None:
        """Note for each block what it reads and what it defines, nested blocks included."""
        read = self._leaves(self._plan.shown(self._plan.ends[block]))
        for stmt in self._plan.printed(block):
            read |= self._leaves(self._operands(stmt))
            for region in self._plan.regions(stmt):
                self._summarise(region)
                read |= self._read[region]
        self._read[block] = read
        self._inside[block] = self.mask(defined(block))

    def _operands(self, stmt: Stmt) -> tuple[Operand, ...]:
        if isinstance(stmt, Apply) and stmt.op.overwrites is not None:
            return (*self._plan.mentions(stmt), stmt.args[stmt.op.overwrites])
        return self._plan.mentions(stmt)

    def _set(self, values: Iterable[Value], alive: int) -> None:
        """The values are set at once while others are alive."""
        values = list(values)
        alive |= self.mask(values)
        for value in values:
            self.overlaps[self.index[value]] |= alive & ~(1 << self.index[value])

    def _block(self, block: Block, after: int) -> int:
        """What is alive where the block starts, given what is after its end."""
        alive = after
        if not self._plan.is_pushed(block):
            end = self._plan.ends[block]
            alive = self._leaves(self._plan.shown(end))
            if end.returned is None:
                alive |= after
            # the flag is tested after the assignments
            late = end.tested if end.leave is None else ()
            for target, result in self._plan.moves(end):
                tested = self._plan.leaves_of(late) - {result, target}
                self._meet(target, self.mask(tested))
        for stmt in reversed(self._plan.printed(block)):
            alive = self._stmt(stmt, alive)
        return alive

    def _stmt(self, stmt: Stmt, after: int) -> int:
        outs = self._plan.outs(stmt)
        if len(outs) == 1 and outs[0] in self._plan.inline:
            return after
        match stmt:
            case If() if stmt in self._plan.pushed:
                alive = self._leaves(self._plan.condition(stmt))
                for region in self._plan.regions(stmt):
                    alive |= self._block(region, after)
                return alive
            case If() if stmt not in self._plan.expressions:
                self._set(outs, after)
                rest = after & ~self.mask(outs)
                alive = self._block(stmt.then, rest) | self._block(stmt.orelse, rest)
                return alive | self._leaves((stmt.cond,))
            case Apply() | Call() | If():
                self._set(outs, after | self._read_late(stmt))
                return after & ~self.mask(outs) | self._leaves(self._operands(stmt))
            case For() | While():
                return self._loop(stmt, after)

    def _read_late(self, stmt: Stmt) -> int:
        """What a number that is overwritten must not hold: the other operands."""
        if not isinstance(stmt, Apply) or stmt.op.overwrites is None:
            return 0
        target = stmt.args[stmt.op.overwrites]
        if holds_memory(target):
            return 0
        others = self._plan.leaves_of(o for o in self._plan.slots(stmt) if o is not target)
        return self.mask(others - {target})

    def _loop(self, stmt: For | While, after: int) -> int:
        carried = self._plan.carried(stmt)
        state = [parameters(stmt)[k] for k in carried]
        final = [stmt.carry[k] for k in carried]
        count = [t for t in (stmt.trips,) if t is not None and t in self._plan.needed]
        self._set([*final, *count], after)
        around = after & ~self.mask(stmt.outs)
        for region in self._plan.regions(stmt):
            around |= self._read[region] & ~self._inside[region]
        counts = self.mask(count)
        head = self._block(stmt.body, around | counts)
        self._set(stmt.body.params if isinstance(stmt, For) else state, head | counts)
        names = list(state)
        if isinstance(stmt, While):
            tests = [stmt.cond.params[k] for k in carried]
            names += tests
            head |= self._block(stmt.cond, head | counts | self.mask(tests))
            self._set(tests, head | counts)
        bounds = (stmt.lo, stmt.hi, stmt.step) if isinstance(stmt, For) else ()
        for k in carried:
            start = self._plan.leaves(stmt.init[k])
            late = self._plan.leaves_of(bounds) - start
            self._meet(parameters(stmt)[k], self.mask(late))
        self._set(count, head | self._leaves(bounds) | self.mask(names))
        outside = (head | around) & ~self._inside_all(stmt) & ~counts
        return outside | self._leaves(self._operands(stmt))

    def _meet(self, value: Value, others: int) -> None:
        self.overlaps[self.index[value]] |= others

    def _inside_all(self, stmt: For | While) -> int:
        total = 0
        for region in self._plan.regions(stmt):
            total |= self._inside[region]
        return total
