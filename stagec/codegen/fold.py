"""Which values are folded back into the expression that uses them.

The invariant: an expression gives where it is printed what it gave where it was computed.  It
never moves past a write to memory that it reads, past an effect if it may raise, or into
another block; a value that the user named stays a statement.  Only an index beside another
(`i - 1`) is written again wherever it is used, as one writes it by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import gast

from stagec.codegen.plan import (
    MAX_DEPTH,
    MAX_WIDTH,
    End,
    Plan,
    atom_width,
    may_repeat,
)
from stagec.ir.core import Apply, Block, Call, Const, For, If, Operand, Stmt, Value, While
from stagec.ir.lowering import is_integer
from stagec.ir.sharing import Memory
from stagec.ir.walk import effectful, statements

INDENT = 4
NARROWEST = 48
STATEMENT = 8  # about how wide `name = ` and `return ` are


@dataclass(slots=True, eq=False)
class _Tree:
    """An expression that waits for its consumers, of which `left` are still to come.

    `span` are the first and the last statement in it whose order matters if there is a call.
    """

    width: int
    depth: int = 0
    reads: frozenset[Value] = frozenset()
    raises: bool = False
    calls: bool = False
    left: int = 0
    span: tuple[int, int] | None = None
    writes: frozenset[Value] = frozenset()


@dataclass(slots=True, eq=False)
class _Uses:
    """Where the text mentions a value."""

    count: int = 0
    home: Block | None = None
    foldable: bool = True
    moved: bool = False


def fold(plan: Plan, body: Block, deferred: set[Value], distinct: bool) -> None:
    """Fill in `plan.inline`.

    `distinct` says that no two parameters of the function share memory.
    `deferred` are results of blocks that may be folded into the assignment at the end of the
    block (or before a loop): those that could not share the name that they end up under.
    """
    plan.inline.clear()
    uses = _Counter(plan, deferred)
    uses.block(body)
    folder = _Folder(plan, Memory(body, distinct), uses.found, deferred, set(body.params))
    folder.block(body, 1)


class _Counter:
    """Counts the mentions of each value."""

    def __init__(self, plan: Plan, deferred: set[Value]) -> None:
        self.found: dict[Value, _Uses] = {}
        self._plan = plan
        self._deferred = deferred

    def block(self, block: Block) -> None:
        """Count the mentions in the block and in the blocks in it."""
        for stmt in self._plan.printed(block):
            self._stmt(stmt, block)
            for region in self._plan.regions(stmt):
                self.block(region)
        if self._plan.is_pushed(block):
            return
        end = self._plan.ends[block]
        if end.kind in ("return", "value"):
            self._see(end.results, block)
        else:
            self._move([r for _, r in self._plan.moves(end)], block)
            self._see(end.tested, block)

    def _stmt(self, stmt: Stmt, block: Block) -> None:
        match stmt:
            case For(lo=lo, hi=hi, step=step):
                self._see([lo, hi, step], block)
                self._move([stmt.init[k] for k in self._plan.carried(stmt)], block)
            case While():
                self._move([stmt.init[k] for k in self._plan.carried(stmt)], block)
            case If():
                self._see(self._plan.condition(stmt), block)
            case _:
                self._see(self._plan.mentions(stmt), block)
        if isinstance(stmt, Apply) and stmt.op.overwrites is not None:
            self._see([stmt.args[stmt.op.overwrites]], block, foldable=False)

    def _move(self, operands: Iterable[Operand], block: Block) -> None:
        for operand in operands:
            self._see([operand], block, foldable=operand in self._deferred)
            if isinstance(operand, Value):
                self.found[operand].moved = True

    def _see(self, operands: Iterable[Operand], block: Block, foldable: bool = True) -> None:
        for operand in operands:
            if isinstance(operand, Value):
                uses = self.found.setdefault(operand, _Uses(home=block))
                uses.foldable &= foldable and uses.home is block
                uses.count += 1


class _Folder:
    """Walks the blocks in order, with the expressions that wait for their consumers."""

    def __init__(
        self,
        plan: Plan,
        memory: Memory,
        uses: dict[Value, _Uses],
        deferred: set[Value],
        steady: set[Value],
    ) -> None:
        self._plan = plan
        self._memory = memory
        self._uses = uses
        self._deferred = deferred
        self._waiting: dict[Value, _Tree] = {}
        self._steady = steady
        self._clock = 0

    def block(self, block: Block, level: int) -> None:
        """Decide for the block and the blocks in it; `level` is its indentation."""
        outer, self._waiting = self._waiting, {}
        for stmt in self._plan.printed(block):
            self._stmt(stmt, block, level)
        if not self._plan.is_pushed(block):
            self._end(self._plan.ends[block], level)
        self._waiting = outer

    def _stmt(self, stmt: Stmt, block: Block, level: int) -> None:
        if self._is_neighbour(stmt):
            self._plan.inline.add(stmt.outs[0])
            return
        candidate = self._may_fold(stmt, block)
        tree = self._consume(stmt, level)
        if isinstance(stmt, Call) or not candidate:
            self._interrupt(stmt, candidate)
        if candidate:
            (value,) = self._plan.outs(stmt)
            tree.left = self._uses[value].count
            self._clock += 1
            if tree.reads or tree.raises:
                first = tree.span[0] if tree.span else self._clock
                tree.span = first, self._clock
            self._plan.inline.add(value)
            self._waiting[value] = tree
        if isinstance(stmt, For | While) or (
            isinstance(stmt, If) and stmt not in self._plan.expressions
        ):
            if isinstance(stmt, For):
                self._steady.add(stmt.body.params[0])
            for region in self._plan.regions(stmt):
                self.block(region, level + (stmt not in self._plan.pushed))

    def _may_fold(self, stmt: Stmt, block: Block) -> bool:
        outs = self._plan.outs(stmt)
        call = isinstance(stmt, Call) and len(stmt.outs) == 1
        if len(outs) != 1 or not (call or self._plan.is_plain(stmt)):
            return False
        value, uses = outs[0], self._uses[outs[0]]
        if value in self._deferred:
            return not call and uses.count == 1
        if value.hint:
            return False
        if not uses.foldable or uses.home is not block:
            return False
        small = all(o not in self._waiting for o in self._plan.mentions(stmt))
        if uses.count == 1 or not small or not may_repeat(stmt):
            return uses.count == 1
        assert isinstance(stmt, Apply)
        return uses.count == 2 or not self._plan.templates[stmt].width

    def _is_neighbour(self, stmt: Stmt) -> bool:
        """Whether it is an index and a constant, read wherever the index keeps its value."""
        if not isinstance(stmt, Apply) or not self._plan.is_plain(stmt):
            return False
        out = stmt.out
        if not is_integer(out.type) or out.hint or self._uses[out].moved:
            return False
        if not isinstance(self._plan.templates[stmt].body, gast.BinOp):
            return False
        if stmt.raises:
            return False
        values = [a for a in stmt.args if not isinstance(a, Const)]
        return len(values) == 1 and self._is_steady(values[0])

    def _is_steady(self, operand: Operand) -> bool:
        """Whether it has a variable that no other value takes over while it is needed."""
        if not isinstance(operand, Value) or operand in self._plan.inline:
            return False
        if self._uses[operand].moved:
            return False
        definer = self._plan.definer.get(operand)
        if definer is None:
            return operand in self._steady
        return isinstance(definer, Apply) and definer.op.overwrites is None

    def _neighbour_width(self, value: Value) -> int:
        stmt = self._plan.definer[value]
        assert isinstance(stmt, Apply)
        return self._plan.templates[stmt].width + sum(map(atom_width, stmt.args))

    def _consume(self, stmt: Stmt, level: int) -> _Tree:
        """Take the operands of the statement from the waiting expressions."""
        tree = _Tree(0)
        parts = self._plan.mentions(stmt)
        if isinstance(stmt, Apply):
            template = self._plan.templates[stmt]
            tree.width = template.width
            tree.reads = self._memory.used(stmt)
            tree.raises = stmt.raises
            for k in template.optional:
                self._settle(stmt.args[k])
            if not template.is_expression and isinstance(template.body[-1], gast.AugAssign):
                self._name_writers(parts, self._memory.written(stmt))
        elif isinstance(stmt, Call):
            tree.width = len(stmt.function) + len("()")
            tree.reads = self._memory.read(stmt.args)
            tree.writes = self._memory.written(stmt)
            tree.raises = tree.calls = True
        elif isinstance(stmt, If):
            parts = self._plan.condition(stmt)
            if stmt in self._plan.expressions:
                tree.width = self._plan.expressions[stmt]
                self._take_branches(stmt, tree)
        if isinstance(stmt, For):
            # the carries are set before the bounds are evaluated
            for value in [v for v, t in self._waiting.items() if t.calls]:
                self._name(value)
        self._take(parts, tree, level)
        return tree

    def _take_branches(self, stmt: If, tree: _Tree) -> None:
        """Fold the branches of an expression whole; they were found small enough before."""
        for region in self._plan.regions(stmt):
            outer, self._waiting = self._waiting, {}
            for inner in self._plan.printed(region):
                self._stmt(inner, region, 0)
            self._take(self._plan.ends[region].results, _Tree(0), 0)
            for inner in statements(region):
                if isinstance(inner, Apply):
                    tree.reads |= self._memory.used(inner)
                    tree.raises |= inner.raises
            self._waiting = outer

    def _take(self, parts: Sequence[Operand], tree: _Tree, level: int) -> None:
        """Add the waiting expressions among the operands, the largest named to make room."""
        room = max(MAX_WIDTH - INDENT * level, NARROWEST)
        while True:
            found = [o for o in parts if isinstance(o, Value) and o in self._waiting]
            alone = len(parts) == 1 and tree.width <= STATEMENT
            wide = not alone and tree.width + sum(map(self._width, parts)) > room
            deep = [v for v in found if self._waiting[v].depth >= MAX_DEPTH]
            crossed = self._crossed(found)
            if not crossed and not (found and (wide or deep)):
                break
            self._name(max(crossed or deep or found, key=self._width))
        tree.width += sum(map(self._width, parts))
        for value in found:
            part = self._waiting[value]
            tree.depth = max(tree.depth, part.depth)
            tree.reads |= part.reads
            tree.raises |= part.raises
            tree.calls |= part.calls
            tree.writes |= part.writes
            tree.span = _joined(tree.span, part.span)
            part.left -= 1
        for value in set(found):
            if not self._waiting[value].left:
                del self._waiting[value]
        tree.depth += 1

    def _crossed(self, found: Sequence[Value]) -> list[Value]:
        """The calls among the expressions, if they would be evaluated out of order."""
        trees = [self._waiting[v] for v in found]
        calls = [v for v in found if self._waiting[v].calls]
        spans = [t.span for t in trees if t.span]
        ordered = all(a[1] < b[0] for a, b in pairwise(spans))
        return [] if ordered else calls

    def _width(self, operand: Operand) -> int:
        if isinstance(operand, Value) and operand in self._waiting:
            return self._waiting[operand].width + 2
        if operand in self._plan.inline:
            return self._neighbour_width(operand) + 2
        return atom_width(operand)

    def _settle(self, operand: Operand) -> None:
        """Compute an operand that may be skipped beforehand, if that could be noticed."""
        if isinstance(operand, Value) and operand in self._waiting:
            tree = self._waiting[operand]
            if tree.raises:
                self._name(operand)

    def _name_writers(self, parts: Sequence[Operand], target: frozenset[Value]) -> None:
        """Compute beforehand what writes to the target of `target += value`: Python reads the
        target before the value.
        """
        for value in {o for o in parts if isinstance(o, Value) and o in self._waiting}:
            if self._waiting[value].writes & target:
                self._name(value)

    def _name(self, value: Value) -> None:
        """Give a waiting expression a statement of its own, where it was computed."""
        del self._waiting[value]
        self._plan.inline.discard(value)

    def _interrupt(self, stmt: Stmt, folded: bool) -> None:
        """Name the waiting expressions that may not move past the statement or folded call."""
        written = self._memory.written(stmt)
        barrier = effectful(stmt) or isinstance(stmt, If | For | While)
        for value, tree in list(self._waiting.items()):
            late = not folded and (tree.calls or (barrier and tree.raises))
            if late or tree.reads & written:
                self._name(value)

    def _end(self, end: End, level: int) -> None:
        def take(*operands: Operand) -> None:
            self._take(operands, _Tree(STATEMENT), level)

        if end.kind in ("return", "value"):
            take(*end.results)
            return
        for _, operand in self._plan.moves(end):
            take(operand)
        if end.returned is None:
            for operand in end.leave or ():
                self._settle(operand)
        take(*end.tested)


def _joined(a: tuple[int, int] | None, b: tuple[int, int] | None) -> tuple[int, int] | None:
    if a is None or b is None:
        return a or b
    return min(a[0], b[0]), max(a[1], b[1])
