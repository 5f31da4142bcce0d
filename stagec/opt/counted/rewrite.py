"""The function with arrays in place of lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Value, While, known
from stagec.ir.function import Function
from stagec.ir.rebuild import map_operands
from stagec.ir.types import Dim, affine, rank_of
from stagec.ir.walk import operands, regions, rename, statements
from stagec.opt.counted.choice import Counted
from stagec.opt.counted.lists import Failed, Items, Lists, Rows
from stagec.opt.tapes.webs import CHANGED, LONGER, MADE, NOTED, WRITTEN, Program, carried

Handed: TypeAlias = Callable[[Builder, Sequence[Operand]], list[Operand]]


def rewritten(fn: Function, program: Program, found: Sequence[Counted]) -> Function:
    """The function with arrays for these lists; may raise `Failed`."""
    if not found:
        return fn
    lists = Lists({v: one for one in found for v in one.web.values}, program.maker)
    lists.counts.trips.given = program.given
    lists.sizes.arrays += [p for p in fn.params if rank_of(p.type)]
    rewriter = _Rewriter(lists, program)
    return replace(fn, body=rewriter.block(fn.body, fn.body.params, rewriter.returned))


@dataclass(frozen=True, slots=True)
class _Through:
    """A list that a loop carries.

    Attributes
    ----------
    change : by how many elements it becomes longer on each trip.
    rows : the list before the loop.
    written : whether the loop changes elements.
    """

    change: int
    rows: Items | Rows
    written: bool

    def after(self, trips: Dim) -> Items | Rows:
        """The list after so many trips, in the array that it was in before."""
        if not self.change:
            return self.rows
        return replace(self.rows, length=affine((self.rows.length, 1), (trips, self.change)))


@dataclass(slots=True)
class _Rewriter:
    """Goes through the function; `program` says what makes its values."""

    lists: Lists
    program: Program

    def block(
        self,
        block: Block,
        params: Sequence[Value],
        handed: Handed,
        start: Builder | None = None,
    ) -> Block:
        """The block with other parameters, after the statements of `start`; `handed` says what
        stands for its results.
        """
        builder = start or Builder()
        arrays, made = self.lists.sizes.arrays, self.lists.counts.made
        mark = len(arrays)
        self.lists.counts.made = dict(made)
        for stmt in block.stmts:
            builder.loc = stmt.loc
            self.statement(builder, stmt)
            if isinstance(stmt, Apply) and not stmt.op.lenient:
                arrays += [v for v in stmt.outs if rank_of(v.type)]
        results = handed(builder, block.results)
        del arrays[mark:]
        self.lists.counts.made = made
        return builder.block(params, results)

    def statement(self, builder: Builder, stmt: Stmt) -> None:
        """Add what the statement becomes."""
        match stmt:
            case Apply():
                about = stmt.outs if stmt.op in MADE else stmt.args
                if stmt.op in NOTED and about[0] in self.lists.found:
                    self.lists.apply(builder, stmt)
                else:
                    self.other(builder, stmt)
            case Call():
                self.other(builder, stmt)
            case If():
                self.branch(builder, stmt)
            case For() | While():
                self.loop(builder, stmt)
            case _:
                assert_never(stmt)

    def other(self, builder: Builder, stmt: Apply | Call) -> None:
        """Add a statement that has no words for arrays in place of lists."""
        given = [*operands(stmt)]
        made = dict(zip(given, self.returned(builder, given), strict=True))
        builder.append(map_operands(stmt, lambda v: made[v]))

    def renamed(self, operand: Operand) -> Operand:
        """What the operand has become, which is none of the lists."""
        return rename(operand, self.lists.names)

    def handed(self, builder: Builder, given: Sequence[Operand]) -> list[Operand]:
        """What stands for the operands where they are passed on."""
        return [
            self.lists.rows(builder, v).array if self.lists.has(v) else self.renamed(v)
            for v in given
        ]

    def returned(self, builder: Builder, given: Sequence[Operand]) -> list[Operand]:
        """What stands for the operands where only a list will do."""
        return [
            self.lists.listed(builder, v) if self.lists.has(v) else self.renamed(v)
            for v in given
        ]

    def written(self, stmt: Stmt) -> set[Counted]:
        """The lists of which the statement changes elements."""
        inside = (s for block in regions(stmt) for s in statements(block))
        changes = (s.args[0] for s in inside if isinstance(s, Apply) and s.op in WRITTEN)
        found = self.lists.found
        return {found[v] for v in changes if isinstance(v, Value) and v in found}

    # -- branches ---------------------------------------------------------------------------

    def branch(self, builder: Builder, stmt: If) -> None:
        """Add an `If`."""
        lists, written = self.lists, self.written(stmt)
        inside = (s for block in regions(stmt) for s in statements(block))
        for value in {v for s in inside for v in operands(s) if isinstance(v, Value)}:
            if value in lists.entries and lists.found[value] in written:
                lists.entries[value] = lists.rows(builder, value)
        then, orelse = (self.block(b, (), self.handed) for b in regions(stmt))
        outs: list[Value] = []
        for out, *results in zip(
            stmt.outs, stmt.then.results, stmt.orelse.results, strict=True
        ):
            if out not in lists.found:
                outs.append(out)
                continue
            one, other = (lists.entries[r] for r in results if isinstance(r, Value))
            if not isinstance(one, Rows) or not isinstance(other, Rows):
                raise Failed(lists.found[out].number)
            if (one.length, one.room) != (other.length, other.room):
                raise Failed(lists.found[out].number)
            outs.append(Value(one.array.type, out.hint))
            lists.entries[out] = replace(one, array=outs[-1])
        cond = self.renamed(stmt.cond)
        builder.append(If(cond, then, orelse, tuple(outs), stmt.loc))

    # -- loops ------------------------------------------------------------------------------

    def loop(self, builder: Builder, stmt: For | While) -> None:
        """Add a loop."""
        counts = self.lists.counts
        count = counts.count(builder, stmt) if isinstance(stmt, For) else 0
        lists = self.through(builder, stmt, count)
        init, carry = list[Operand](), list[Value]()
        for k, (first, out) in enumerate(zip(stmt.init, stmt.carry, strict=True)):
            one = lists.get(k)
            if one is None:
                init.append(self.renamed(first))
                carry.append(out)
                continue
            rows = one.after(count)
            if one.written:
                assert isinstance(rows, Rows)
                init.append(rows.array)
                carry.append(Value(rows.array.type, out.hint))
                rows = replace(rows, array=carry[-1])
            self.lists.entries[out] = rows
        made: For | While
        if isinstance(stmt, For):
            start = Builder(loc=stmt.loc)
            turn = counts.index(start, stmt, count)
            params = self.enter(carried(stmt), lists, turn)
            hand = self.leaving(stmt, lists)
            body = self.block(stmt.body, (stmt.body.params[0], *params), hand, start)
            lo, hi, step = map(self.renamed, (stmt.lo, stmt.hi, stmt.step))
            if lists and (known(lo), known(step)) == (0, 1):
                hi = counts.value(builder, count)  # which is how long the lists become
            made = replace(
                stmt, lo=lo, hi=hi, step=step, init=tuple(init), body=body, carry=tuple(carry)
            )
        else:
            params = self.enter(stmt.cond.params, lists, 0)
            cond = self.block(stmt.cond, params, self.handed)
            params = self.enter(carried(stmt), lists, 0)
            body = self.block(stmt.body, params, self.leaving(stmt, lists))
            made = replace(stmt, init=tuple(init), cond=cond, body=body, carry=tuple(carry))
        builder.append(made)

    def through(self, builder: Builder, stmt: For | While, count: Dim) -> dict[int, _Through]:
        """The lists that the loop carries, before it."""
        written = self.written(stmt)
        found: dict[int, _Through] = {}
        for k, (first, out) in enumerate(zip(stmt.init, stmt.carry, strict=True)):
            if out not in self.lists.found:
                continue
            one = self.lists.found[out]
            change = self.change(stmt.body.results[k], carried(stmt)[k], one)
            if change and (isinstance(stmt, While) or stmt.until):
                raise Failed(one.number)
            assert isinstance(first, Value)
            if not change and one not in written:
                found[k] = _Through(0, self.lists.entries[first], written=False)
                continue
            rows = self.lists.rows(builder, first, affine((count, max(change, 0))))
            if change < 0 and isinstance(stmt, For) and stmt.free:
                # nobody sees what a backward loop has done before it fails
                rows = self.lists.enough(builder, rows, affine((count, -change)))
            found[k] = _Through(change, rows, one in written)
        return found

    def change(self, value: Operand, start: Value, one: Counted) -> int:
        """By how many elements the list is longer than it was."""
        total = 0
        while value is not start:
            stmt = self.program.maker.get(value) if isinstance(value, Value) else None
            match stmt:
                case Apply() if stmt.op in CHANGED:
                    total += LONGER.get(stmt.op, 0)
                    value = stmt.args[0]
                case If():
                    k = stmt.outs.index(value)  # type: ignore[arg-type]
                    then, orelse = (
                        self.change(b.results[k], start, one) for b in regions(stmt)
                    )
                    if then != orelse:
                        raise Failed(one.number)
                    return total + then
                case For() | While() if value in stmt.carry:
                    k = stmt.carry.index(value)  # type: ignore[arg-type]
                    if self.change(stmt.body.results[k], carried(stmt)[k], one):
                        raise Failed(one.number)
                    value = stmt.init[k]
                case _:
                    raise Failed(one.number)
        return total

    def enter(
        self, params: Sequence[Value], lists: Mapping[int, _Through], turn: Dim
    ) -> list[Value]:
        """The parameters of the body, at whose start the lists are what they are after so many
        trips.
        """
        found: list[Value] = []
        for k, param in enumerate(params):
            one = lists.get(k)
            if one is None:
                found.append(param)
                continue
            rows = one.after(turn)
            if one.written:
                assert isinstance(rows, Rows)
                found.append(Value(rows.array.type, param.hint))
                rows = replace(rows, array=found[-1])
            self.lists.entries[param] = rows
        return found

    def leaving(self, stmt: For | While, lists: Mapping[int, _Through]) -> Handed:
        """What hands on the results of the body."""

        def handed(builder: Builder, results: Sequence[Operand]) -> list[Operand]:
            found: list[Operand] = []
            for k, result in enumerate(results):
                one = lists.get(k)
                if one is None:
                    found.append(self.renamed(result))
                    continue
                assert isinstance(result, Value)
                entries, param = self.lists.entries, carried(stmt)[k]
                now, then = entries[result], entries[param]
                longer = affine((now.length, 1), (then.length, -1))
                if longer != one.change:
                    raise Failed(self.lists.found[param].number)
                if not one.written:
                    continue
                if not (
                    isinstance(now, Rows) and isinstance(then, Rows) and now.room == then.room
                ):
                    raise Failed(self.lists.found[param].number)
                found.append(now.array)
            return found

        return handed
