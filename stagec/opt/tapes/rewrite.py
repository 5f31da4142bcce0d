"""The function with its tapes flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from stagec.ir.build import Builder
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    For,
    If,
    Operand,
    Stmt,
    Value,
    While,
    const,
)
from stagec.ir.function import Function
from stagec.ir.rebuild import map_operands
from stagec.ir.types import INT, rank_of
from stagec.ir.walk import rename
from stagec.ops.index_facts import given_sizes
from stagec.ops.lists import list_append, list_get, list_length, list_new
from stagec.opt.tapes.entries import Entry, Refused, Rows, Run
from stagec.opt.tapes.plans import Plan
from stagec.opt.tapes.sizes import Lengths, Unknown, room
from stagec.opt.tapes.trips import Trips
from stagec.opt.tapes.webs import carried


def rewritten(fn: Function, plans: Sequence[Plan], inside: set[Value]) -> Function:
    """The function with the lists in their new form; may raise `Failed`.

    What is read from lists that stay lists, at places known to be inside, goes to `inside`.
    """
    rewriter = _Rewriter(inside)
    for plan in plans:
        for depth, found in enumerate(plan.recorders):
            rewriter.lists |= dict.fromkeys(found.web.values, (plan, depth))
        if plan.copied is not None:
            rewriter.copied.add(plan.copied)
    rewriter.lengths.arrays += [p for p in fn.params if rank_of(p.type)]
    rewriter.trips.given = given_sizes(fn.params)
    return replace(fn, body=rewriter.block(fn.body, ()))


class Failed(Exception):
    """The list of the plan must stay as it is."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan


@dataclass(slots=True)
class _Rewriter:
    """Goes through the function.

    Attributes
    ----------
    inside : elements that are read from lists at places known to be inside.
    lists : the plan of each list, and how deep it is in the list of the plan.
    copied : copies that are not needed.
    entries : what the lists seen so far have become.
    names : what other values have become.
    lengths : what the arrays that are there tell of sizes.
    trips : of the loops.
    """

    inside: set[Value]
    lists: dict[Value, tuple[Plan, int]] = field(
        default_factory=dict["Value", "tuple[Plan, int]"]
    )
    copied: set[Apply] = field(default_factory=set["Apply"])
    entries: dict[Value, Entry] = field(default_factory=dict["Value", "Entry"])
    names: dict[Value, Operand] = field(default_factory=dict["Value", "Operand"])
    lengths: Lengths = field(init=False)
    trips: Trips = field(init=False)

    def __post_init__(self) -> None:
        self.lengths = Lengths(self.names)
        self.trips = Trips(self.names)

    def block(
        self, block: Block, params: Sequence[Value], start: Builder | None = None
    ) -> Block:
        """The block with other parameters, after the statements of `start`."""
        builder = start or Builder()
        arrays = self.lengths.arrays
        mark = len(arrays)
        for stmt in block.stmts:
            builder.loc = stmt.loc
            self.statement(builder, stmt)
            if isinstance(stmt, Apply) and not stmt.op.lenient:
                arrays += [v for v in stmt.outs if rank_of(v.type)]
        del arrays[mark:]
        results = [part for r in block.results for part in self.parts(r)]
        return builder.block(params or block.params, results)

    def parts(self, operand: Operand) -> list[Operand]:
        """What stands for the operand where it is passed on."""
        if isinstance(operand, Value) and operand in self.lists:
            try:
                return self.entries[operand].parts()
            except Refused:
                raise Failed(self.lists[operand][0]) from None
        return [rename(operand, self.names)]

    def statement(self, builder: Builder, stmt: Stmt) -> None:
        """Add what the statement becomes."""
        match stmt:
            case Apply():
                if stmt in self.copied:
                    self.names[stmt.out] = rename(stmt.args[0], self.names)
                    return
                listed = [v for v in (*stmt.args, *stmt.outs) if v in self.lists]
                if not listed:
                    builder.append(map_operands(stmt, lambda v: rename(v, self.names)))
                    return
                try:
                    self.apply(builder, stmt)
                except Refused:
                    raise Failed(self.lists[listed[0]][0]) from None  # type: ignore[index]
            case Call():
                builder.append(map_operands(stmt, lambda v: rename(v, self.names)))
            case If():
                self.branch(builder, stmt)
            case For() | While():
                self.loop(builder, stmt)
            case _:
                assert_never(stmt)

    # -- ops --------------------------------------------------------------------------------

    def apply(self, builder: Builder, stmt: Apply) -> None:
        """Add what an op on lists becomes."""
        if stmt.op is list_new:
            found = self.begin(builder, stmt.out)
            if found is not None:
                self.entries[stmt.out] = found
            return
        xs, *rest = stmt.args
        assert isinstance(xs, Value)
        entry = self.entries[xs]
        plan, depth = self.lists[xs]
        if stmt.op is list_append:
            (value,) = rest
            if isinstance(value, Value) and value in self.lists:
                made = entry.joined(builder, self.entries[value])  # type: ignore[arg-type]
            else:
                trip = self.trips.turn(builder, plan.recorders[depth].loop)
                made = entry.appended(builder, rename(value, self.names), trip)
            self.entries[stmt.out] = made
        elif stmt.op is list_get and stmt.out in self.lists:
            inner = entry.inner(builder, rename(rest[0], self.names))
            if isinstance(inner, Run):
                self.inside |= {v for v in (inner.start,) if isinstance(v, Value)}
            self.entries[stmt.out] = inner
        elif stmt.op is list_get:
            index = rename(rest[0], self.names)
            lengths = self.ragged(builder, plan, stmt)
            found = entry.element(builder, index, stmt.out, lengths)
            self.names[stmt.out] = found
            if isinstance(entry, Run):
                self.inside |= {v for v in (found,) if isinstance(v, Value)}
        else:
            assert stmt.op is list_length
            self.names[stmt.out] = entry.length(builder)

    def begin(self, builder: Builder, root: Value) -> Entry | None:
        """The form of an empty list; None for that of an array made in front of its loop."""
        plan, depth = self.lists[root]
        if depth:
            outer = plan.recorders[depth - 1]
            return self.entries[outer.param].began(
                builder, self.trips.turn(builder, outer.loop)
            )
        if plan.fixed:
            return None
        found: Run | None = None
        for _ in plan.recorders:
            hint = plan.hint if found is None else "starts"
            element = plan.element if found is None else INT
            (items,) = builder.add(list_new, (), {"element": element}, hint)
            found = Run(items, const(0), found)
        return found

    # -- regions ----------------------------------------------------------------------------

    def branch(self, builder: Builder, stmt: If) -> None:
        """Add an `If`; of a run its branches also return the start, which is found in them."""
        blocks: list[Block] = []
        for block in (stmt.then, stmt.orelse):
            made = self.block(block, ())
            starts = [e.start for r in block.results if (e := self.run(r)) is not None]
            blocks.append(replace(made, results=(*made.results, *starts)))
        outs: list[Value] = []
        starts = list[Value]()
        for out, result in zip(stmt.outs, stmt.then.results, strict=True):
            if out not in self.lists:
                outs.append(out)
                continue
            assert isinstance(result, Value)
            entry, made = self.fresh(self.entries[result])
            if isinstance(entry, Run):
                starts.append(Value(INT, "start"))
                entry = replace(entry, start=starts[-1])
            self.entries[out] = entry
            outs += made
        cond = rename(stmt.cond, self.names)
        outs += starts
        builder.append(If(cond, blocks[0], blocks[1], tuple(outs), stmt.loc))

    def run(self, operand: Operand) -> Run | None:
        """The run that the operand has become, if it has."""
        entry = self.entries.get(operand) if isinstance(operand, Value) else None
        return entry if isinstance(entry, Run) else None

    def fresh(self, entry: Entry) -> tuple[Entry, list[Value]]:
        """The form of a list with new values for its parts, and these."""
        made = [Value(p.type, p.hint if isinstance(p, Value) else "") for p in entry.parts()]
        return entry.remade(made), made

    def loop(self, builder: Builder, stmt: For | While) -> None:
        """Add a loop."""
        self.allocate(builder, stmt)
        init = tuple(part for v in stmt.init for part in self.parts(v))
        carry = self.carries(stmt.init, stmt.carry)
        params = self.carries(stmt.init, carried(stmt))
        made: For | While
        if isinstance(stmt, For):
            start = Builder(loc=stmt.loc)
            self.trips.enter(start, stmt)
            body = self.block(stmt.body, (stmt.body.params[0], *params), start)
            lo, hi, step = (rename(v, self.names) for v in (stmt.lo, stmt.hi, stmt.step))
            made = replace(stmt, lo=lo, hi=hi, step=step, init=init, body=body, carry=carry)
        else:
            cond = self.block(stmt.cond, self.carries(stmt.init, stmt.cond.params))
            body = self.block(stmt.body, params)
            made = replace(stmt, init=init, cond=cond, body=body, carry=carry)
        for param, result in zip(carried(stmt), stmt.body.results, strict=False):
            if param in self.lists:
                assert isinstance(result, Value)
                if not self.entries[param].begins_with(self.entries[result]):
                    raise Failed(self.lists[param][0])
        builder.append(made)

    def carries(self, init: Sequence[Operand], values: Sequence[Value]) -> tuple[Value, ...]:
        """New values for the parts of lists, to be carried where the initial ones are."""
        found: list[Value] = []
        for first, value in zip(init, values, strict=True):
            if value not in self.lists:
                found.append(value)
                continue
            assert isinstance(first, Value)
            self.entries[value], made = self.fresh(self.entries[first])
            found += made
        return tuple(found)

    # -- arrays -----------------------------------------------------------------------------

    def allocate(self, builder: Builder, stmt: For | While) -> None:
        """Add the arrays that the loop records in."""
        plans = {self.lists[v][0]: v for v in carried(stmt) if v in self.lists}
        for plan in plans:
            if plan.most and plan.loop is not stmt:
                self.trips.count(builder, stmt)
            if not plan.fixed or plan.loop is not stmt:
                continue
            inner = plan.recorders[1:]
            trips = [self.trips.count(builder, stmt)]
            try:
                if plan.most:
                    trips += [self.lengths.room(builder, most) for most in plan.most]
                else:
                    trips += [self.trips.count(builder, r.loop) for r in inner]
                sizes = [self.lengths.room(builder, d) for d in plan.room]
            except Unknown:
                raise Failed(plan) from None
            self.entries[plan.recorders[0].root.out] = self.rows(builder, plan, trips, sizes)

    def rows(
        self, builder: Builder, plan: Plan, trips: Sequence[Operand], space: Sequence[Operand]
    ) -> Rows:
        """A new array with an axis for each loop, and room for what is recorded."""
        sizes = [*trips, *space]
        array = room(builder, sizes, plan.room, plan.element.dtype, plan.hint)
        return Rows(array, (), tuple(trips), plan.ragged)

    def ragged(self, builder: Builder, plan: Plan, get: Apply) -> list[Operand | None]:
        """The lengths of what is read, where they vary."""
        indices = {s: rename(v, self.names) for s, v in plan.indices.get(get, {}).items()}
        pairs = zip(plan.ragged, plan.shape, strict=True)
        try:
            return [self.lengths.size(builder, d, indices) if r else None for r, d in pairs]
        except Unknown:
            raise Failed(plan) from None
