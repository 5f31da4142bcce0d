"""Lists of numbers that grow in compiled loops as the columns of arrays.

    x_tape.append(x)            if count == rows.shape[0]:
    y_tape.append(y)                rows = kernels.doubled(rows)
                        ->      rows[count, 0] = x
                                rows[count, 1] = y
                                count += 1

Lists that always have the same length share the number of rows; those of one element type are
one array.  Compiled code pays for each list, and each time that an array is replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from stagec.ir.build import Builder, freeze
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
    known,
)
from stagec.ir.function import Function
from stagec.ir.rebuild import map_operands
from stagec.ir.types import INT, ArrayType
from stagec.ir.walk import rename
from stagec.ops.comparison import equal
from stagec.ops.creation import empty
from stagec.ops.extent import extent, place
from stagec.ops.growing import doubled, kept
from stagec.ops.lists import list_append, list_get, list_length, list_new
from stagec.opt.elements import as_python, read_element, write_element
from stagec.opt.tapes.entries import hint_of
from stagec.opt.tapes.lockstep import Team, teams
from stagec.opt.tapes.webs import Web, carried, survey

ROOM = 16  # rows of a new array


def growing(fn: Function, inside: set[Value]) -> Function:
    """The function with lists as arrays.

    `inside` are elements that are read at places known to be inside of their list.
    """
    program = survey(fn)
    found = teams(program, inside)
    while found:
        try:
            return replace(fn, body=_Grower(found).block(fn.body, fn.body.params))
        except _Failed as failed:
            found.remove(failed.team)
    return fn


class _Failed(Exception):
    """The lists of the team must stay lists."""

    def __init__(self, team: Team) -> None:
        super().__init__()
        self.team = team


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a team has become: an array for each element type, and how many rows these have.

    `late` are the lists that have not got their element of the last row yet.
    """

    arrays: tuple[Operand, ...]
    count: Operand
    late: frozenset[Web] = frozenset()

    def parts(self) -> list[Operand]:
        """What stands for the lists where they are carried."""
        return [*self.arrays, self.count]

    def fresh(self, hint: str) -> tuple[_Rows, list[Value]]:
        """The same with new values, and these; `hint` is the name of the number of rows."""
        made = [Value(p.type, hint_of(p)) for p in self.arrays]
        count = Value(INT, hint)
        return _Rows(tuple(made), count), [*made, count]


class _Grower:
    """Goes through the function.

    Attributes
    ----------
    rows : what the teams have become so far.
    latest : the value of each list that `rows` stands for.
    names : what other values have become.
    """

    def __init__(self, found: Sequence[Team]) -> None:
        self.found = {v: (t, web) for t in found for web in t.webs for v in web.values}
        self.rows: dict[Team, _Rows] = {}
        self.latest: dict[Web, Value] = {}
        self.names: dict[Value, Operand] = {}

    def block(self, block: Block, params: Sequence[Value]) -> Block:
        """The block with other parameters."""
        builder = Builder()
        for stmt in block.stmts:
            builder.loc = stmt.loc
            self.statement(builder, stmt)
        return builder.block(params, self.parts(block.results))

    def nested(self, block: Block, params: Sequence[Value]) -> Block:
        """The block inside another, which goes on with what was before it."""
        rows, latest = self.rows.copy(), self.latest.copy()
        made = self.block(block, params)
        # what lists that begin in a branch have become is the form of what the branches give
        self.rows, self.latest = self.rows | rows, latest
        return made

    def parts(self, operands: Sequence[Operand]) -> list[Operand]:
        """What stands for the operands where they are passed on."""
        found: list[Operand] = []
        for team, operand in self.passed(operands):
            found += (
                [rename(operand, self.names)] if team is None else self.now(operand).parts()
            )
        return found

    def passed(self, operands: Sequence[Operand]) -> list[tuple[Team | None, Operand]]:
        """The operands, those of a team at the place of the first of them."""
        found: list[tuple[Team | None, Operand]] = []
        there: dict[Team, int] = {}
        for operand in operands:
            if not isinstance(operand, Value) or operand not in self.found:
                found.append((None, operand))
                continue
            team, _ = self.found[operand]
            if team not in there:
                found.append((team, operand))
            there[team] = there.get(team, 0) + 1
        for team, many in there.items():
            if many != len(team.webs):
                raise _Failed(team)
        return found

    def now(self, operand: Operand) -> _Rows:
        """What the list is a part of, all of which have the same length now."""
        assert isinstance(operand, Value)
        team, web = self.found[operand]
        if self.latest.get(web) is not operand or self.rows[team].late:
            raise _Failed(team)
        return self.rows[team]

    def statement(self, builder: Builder, stmt: Stmt) -> None:
        """Add what the statement becomes."""
        match stmt:
            case Apply():
                if any(v in self.found for v in (*stmt.args, *stmt.outs)):
                    self.apply(builder, stmt)
                else:
                    builder.append(map_operands(stmt, lambda v: rename(v, self.names)))
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
            self.begin(builder, stmt.out)
            return
        xs, *rest = stmt.args
        assert isinstance(xs, Value)
        if stmt.op is list_append:
            self.append(builder, stmt, rename(rest[0], self.names))
        elif stmt.op is list_length:
            self.names[stmt.out] = self.now(xs).count
        else:
            assert stmt.op is list_get
            self.get(builder, xs, rename(rest[0], self.names), stmt.out)

    def begin(self, builder: Builder, root: Value) -> None:
        """Make the arrays of the list and of those that begin with it."""
        team, web = self.found[root]
        begun = [w for w in team.webs if w in self.latest]
        if not begun or web in begun or known(self.rows[team].count) != 0:
            made = (self.made(builder, team, k) for k in range(len(team.dtypes)))
            self.rows[team] = _Rows(tuple(made), const(0))
            for other in team.webs:
                self.latest.pop(other, None)
        self.latest[web] = root

    def made(self, builder: Builder, team: Team, number: int) -> Value:
        """A new array for the lists of one element type."""
        dtype = team.dtypes[number]
        columns = team.columns(dtype)
        alone = len(columns) == 1
        shape = (ROOM,) if alone else (ROOM, len(columns))
        kind = ArrayType(dtype, (None, *shape[1:]))
        array = Value(kind, columns[0].roots[0].out.hint if alone else "rows")
        attrs = freeze({"shape": shape, "dtype": dtype})
        builder.append(Apply(empty, (), attrs, (array,), builder.loc))
        return array

    def place(self, web: Web, team: Team, index: Operand) -> tuple[int, tuple[Operand, ...]]:
        """The array that the list is in, and where in it."""
        element = web.element
        assert isinstance(element, ArrayType)
        columns = team.columns(element.dtype)
        where = (index, const(columns.index(web))) if len(columns) > 1 else (index,)
        return team.dtypes.index(element.dtype), where

    def append(self, builder: Builder, stmt: Apply, value: Operand) -> None:
        """Add the number to the row that the other lists have begun, or to a new one."""
        xs = stmt.args[0]
        assert isinstance(xs, Value)
        team, web = self.found[xs]
        rows = self.rows[team]
        if self.latest.get(web) is not xs or (rows.late and web not in rows.late):
            raise _Failed(team)
        if not rows.late:
            arrays = self.room(builder, rows)
            rows = _Rows(arrays, rows.count, frozenset(team.webs))
        (row,) = builder.add(kept, (rows.count,), {})
        number, where = self.place(web, team, row)
        arrays = list(rows.arrays)
        array = arrays[number]
        arrays[number] = write_element(builder, array, value, where, hint_of(array))
        late, count = rows.late - {web}, rows.count
        if not late:
            (count,) = builder.add(place, (count, const(1)), {}, hint_of(count))
        self.rows[team] = _Rows(tuple(arrays), count, late)
        self.latest[web] = stmt.out

    def room(self, builder: Builder, rows: _Rows) -> tuple[Operand, ...]:
        """The arrays with room for one more row."""
        (length,) = builder.add(extent, rows.arrays[:1], {"axis": 0})
        (full,) = builder.add(equal, (rows.count, length), {})
        more = builder.nested()
        longer = [more.add(doubled, (a,), {})[0] for a in rows.arrays]
        outs = tuple(Value(a.type, hint_of(a)) for a in rows.arrays)
        then, orelse = more.block((), longer), Block((), (), rows.arrays)
        builder.append(If(full, then, orelse, outs, builder.loc))
        return outs

    def get(self, builder: Builder, xs: Value, index: Operand, out: Value) -> None:
        """Read an element."""
        team, web = self.found[xs]
        rows = self.now(xs)
        (row,) = builder.add(kept, (index,), {})
        number, where = self.place(web, team, row)
        hint, kind = out.hint, out.type
        assert isinstance(kind, ArrayType)
        array = rows.arrays[number]
        if kind.kind != "py":
            self.names[out] = read_element(builder, array, where, hint)
        else:
            found = read_element(builder, array, where)
            self.names[out] = as_python(builder, found, hint)

    # -- regions ----------------------------------------------------------------------------

    def enter(self, values: Sequence[Value], counted: Team | None = None) -> list[Value]:
        """The values that something is passed to, those of lists replaced by new ones.

        The rows of `counted` are trips.
        """
        found: list[Value] = []
        for team, value in self.passed(values):
            assert isinstance(value, Value)
            made = [value]
            if team is not None:
                hint = "trips" if team is counted else "count"
                self.rows[team], made = self.rows[team].fresh(hint)
            found += made
        self.latest |= {self.found[v][1]: v for v in values if v in self.found}
        return found

    def branch(self, builder: Builder, stmt: If) -> None:
        """Add an `If`."""
        cond = rename(stmt.cond, self.names)
        then, orelse = (self.nested(b, ()) for b in (stmt.then, stmt.orelse))
        outs = self.enter(stmt.outs)
        builder.append(If(cond, then, orelse, tuple(outs), stmt.loc))

    def loop(self, builder: Builder, stmt: For | While) -> None:
        """Add a loop."""
        init = tuple(self.parts(stmt.init))
        team = self.counted(stmt)
        before = self.rows.copy(), self.latest.copy()
        made: For | While
        if isinstance(stmt, For):
            params = (stmt.body.params[0], *self.enter(carried(stmt), team))
            body = self.block(stmt.body, params)
            lo, hi, step = (rename(v, self.names) for v in (stmt.lo, stmt.hi, stmt.step))
            made = replace(stmt, lo=lo, hi=hi, step=step, init=init, body=body)
        else:
            cond = self.block(stmt.cond, self.enter(stmt.cond.params, team))
            self.rows, self.latest = before[0].copy(), before[1].copy()
            body = self.block(stmt.body, self.enter(stmt.body.params, team))
            made = replace(stmt, init=init, cond=cond, body=body)
        self.rows, self.latest = before
        carry = tuple(self.enter(stmt.carry, team))
        if team is not None:
            assert stmt.trips is not None
            self.names[stmt.trips] = self.rows[team].count
            made = replace(made, trips=None)
        builder.append(replace(made, carry=carry))

    def counted(self, stmt: For | While) -> Team | None:
        """The team whose number of rows after the loop is that of the loop's trips."""
        found = dict.fromkeys(self.found[v][0] for v in carried(stmt) if v in self.found)
        for team in found:
            each = team.grows == frozenset((stmt.body,)) and len(team.begins) == 1
            if each and stmt.trips is not None and known(self.rows[team].count) == 0:
                return team
        return None
