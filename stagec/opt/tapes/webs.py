"""Which lists of a function are one list in the course of time: webs.

A list changes by statements that make a new value of it; all these values are one web.  The
lists that are elements of the list of one web are a web too, its `child`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from stagec.ir.core import Apply, Block, Call, For, If, Op, Operand, Stmt, Undef, Value, While
from stagec.ir.function import Function
from stagec.ir.types import ListType, Symbol, Type
from stagec.ir.walk import operands, regions
from stagec.ops.index_facts import given_sizes
from stagec.ops.list_arrays import list_stack, list_unstack
from stagec.ops.list_full import list_full
from stagec.ops.lists import (
    list_add,
    list_append,
    list_get,
    list_length,
    list_new,
    list_pop,
    list_set,
    list_zeros,
)

MADE = {list_new, list_full, list_unstack, list_zeros}
WRITTEN = {list_append, list_set, list_add}
CHANGED = {*WRITTEN, list_pop}
LONGER = {list_append: 1, list_pop: -1}  # by how many elements
NOTED = {*MADE, *CHANGED, list_get, list_length, list_stack}


@dataclass(eq=False, slots=True)
class Web:
    """The values of one list.

    Attributes
    ----------
    uses : the statements that make or use the list, by their ops.
    foreign : that values of it come from elsewhere, or may be unset.
    read : values of it that something else reads.
    parents, child : the lists that it is an element of, and those that are its elements.
    """

    values: list[Value] = field(default_factory=list[Value])
    uses: dict[Op, list[Apply]] = field(default_factory=dict["Op", "list[Apply]"])
    parents: set[Web] = field(default_factory=set["Web"])
    child: Web | None = None
    foreign: bool = False
    read: set[Value] = field(default_factory=set["Value"])

    @property
    def plain(self) -> bool:
        """Whether it begins empty, or as rows of an array, and nothing else happens to it."""
        return not (self.foreign or self.read or any(root.args for root in self.roots))

    def by(self, op: Op) -> list[Apply]:
        """The uses by one op."""
        return self.uses.get(op, [])

    @property
    def roots(self) -> list[Apply]:
        """The new lists that it begins as."""
        return self.by(list_new)

    @property
    def element(self) -> Type:
        """The type of the elements."""
        kind = self.values[0].type
        assert isinstance(kind, ListType)
        return kind.element

    def family(self) -> list[Web]:
        """The web and those of the lists in it, from outside to inside."""
        found: list[Web] = [self]
        while found[-1].child is not None:
            found.append(found[-1].child)
        return found


@dataclass(slots=True)
class Program:
    """Where the statements and values of a function are.

    Attributes
    ----------
    home : the block of each statement.
    owner : the statement that each nested block belongs to.
    maker : the statement that makes a value, as result or as parameter of its body.
    webs : the web of each list.
    given : the symbols of integers that the caller passes, which need not be sizes.
    used : how often each value is used.
    """

    home: dict[Stmt, Block] = field(default_factory=dict["Stmt", "Block"])
    owner: dict[Block, Stmt] = field(default_factory=dict["Block", "Stmt"])
    maker: dict[Value, Stmt] = field(default_factory=dict["Value", "Stmt"])
    webs: dict[Value, Web] = field(default_factory=dict["Value", "Web"])
    given: set[Symbol] = field(default_factory=set["Symbol"])
    used: Counter[Operand] = field(default_factory=Counter["Operand"])

    def around(self, stmt: Stmt) -> list[Stmt]:
        """The statements that the statement is inside of, innermost first."""
        found: list[Stmt] = []
        block = self.home[stmt]
        while block in self.owner:
            found.append(self.owner[block])
            block = self.home[found[-1]]
        return found


def survey(fn: Function) -> Program:
    """The webs of the function's own statements."""
    collector = _Collector(Program(given=given_sizes(fn.params)))
    collector.block(fn.body)
    for value in fn.params:
        collector.comes(value)
    for value in fn.results:
        collector.escapes(value)
    collector.finish()
    return collector.program


def carried(stmt: For | While) -> tuple[Value, ...]:
    """The parameters of the body that a loop carries."""
    return stmt.body.params[1:] if isinstance(stmt, For) else stmt.body.params


@dataclass(slots=True)
class _Collector:
    """Goes through the statements; `same` leads from values to the first of their web."""

    program: Program
    same: dict[Value, Value] = field(default_factory=dict["Value", "Value"])
    inside: list[tuple[Value, Value]] = field(default_factory=list["tuple[Value, Value]"])
    foreign: set[Value] = field(default_factory=set["Value"])
    read: set[Value] = field(default_factory=set["Value"])
    uses: list[Apply] = field(default_factory=list["Apply"])

    def first(self, value: Value) -> Value:
        """The value that stands for the web."""
        self.same.setdefault(value, value)
        while self.same[value] is not value:
            value = self.same[value]
        return value

    def unite(self, operands: Iterable[Operand]) -> None:
        """The lists are one."""
        values = [v for v in operands if isinstance(v, Value)]
        for value in values:
            self.same[self.first(value)] = self.first(values[0])
        if any(isinstance(v, Undef) for v in operands):
            self.foreign.update(values)

    def escapes(self, operand: Operand) -> None:
        """The list is read in some other way."""
        if isinstance(operand, Value) and isinstance(operand.type, ListType):
            self.first(operand)
            self.read.add(operand)

    def comes(self, operand: Operand) -> None:
        """The list comes from elsewhere."""
        if isinstance(operand, Value) and isinstance(operand.type, ListType):
            self.first(operand)
            self.foreign.add(operand)

    def block(self, block: Block) -> None:
        """Note what the statements do."""
        self.program.used.update(block.results)
        for stmt in block.stmts:
            self.program.used.update(operands(stmt))
            self.program.home[stmt] = block
            self.program.maker.update(dict.fromkeys(stmt.outs, stmt))
            self.statement(stmt)
            for region in regions(stmt):
                self.program.owner[region] = stmt
                self.program.maker.update(dict.fromkeys(region.params, stmt))
                self.block(region)

    def statement(self, stmt: Stmt) -> None:
        """Note what the statement does with lists."""
        match stmt:
            case Apply():
                self.apply(stmt)
            case If():
                for out, *results in zip(
                    stmt.outs, stmt.then.results, stmt.orelse.results, strict=True
                ):
                    if isinstance(out.type, ListType):
                        self.unite((out, *results))
            case For() | While():
                rows = [stmt.init, carried(stmt), stmt.body.results, stmt.carry]
                if isinstance(stmt, While):
                    rows.append(stmt.cond.params)
                for out, *row in zip(stmt.carry, *rows, strict=False):
                    if isinstance(out.type, ListType):
                        self.unite((out, *row))
            case Call():
                self.passed(operands(stmt), stmt.outs)

    def apply(self, stmt: Apply) -> None:
        """Note what the op does with lists."""
        values = [*stmt.args, *stmt.outs]
        if not any(isinstance(v.type, ListType) for v in values):
            return
        self.uses.append(stmt)
        for value in values:
            if isinstance(value, Value) and isinstance(value.type, ListType):
                self.first(value)
        if stmt.op in MADE:
            self.passed(stmt.args, ())
            return
        if stmt.op not in NOTED or not isinstance(stmt.args[0], Value):
            self.passed(stmt.args, stmt.outs)
            return
        if stmt.op in CHANGED:
            self.unite((stmt.args[0], stmt.outs[0]))
        for value in stmt.outs[1:]:
            self.comes(value)  # a list that is popped from another
        element = stmt.args[1] if stmt.op is list_append else stmt.outs[0]
        if stmt.op not in (list_append, list_get):
            self.passed(stmt.args[1:], ())
        elif isinstance(element.type, ListType):
            self.belongs(element, stmt.args[0])

    def passed(self, args: Iterable[Operand], outs: Iterable[Value]) -> None:
        """The lists are read, or made, by something that this module has no word for."""
        for operand in args:
            self.escapes(operand)
        for value in outs:
            self.comes(value)

    def belongs(self, element: Operand, xs: Operand) -> None:
        """The list `element` is one of the list `xs`."""
        if isinstance(element, Value) and isinstance(xs, Value):
            self.inside.append((xs, element))
        else:
            self.escapes(xs)

    def finish(self) -> None:
        """Make the webs."""
        while self.unite_elements():
            pass
        webs: dict[Value, Web] = {}
        for value in self.same:
            web = webs.setdefault(self.first(value), Web())
            web.values.append(value)
            self.program.webs[value] = web
        for xs, element in self.inside:
            outer, inner = self.program.webs[xs], self.program.webs[element]
            outer.child = inner
            inner.parents.add(outer)
        for stmt in self.uses:
            self.use(stmt)
        for value in self.foreign:
            self.program.webs[value].foreign = True
        for value in self.read:
            self.program.webs[value].read.add(value)

    def unite_elements(self) -> bool:
        """Make one web of the lists in the lists of one web; whether that changed anything."""
        changed = False
        children: dict[Value, Value] = {}
        for xs, element in self.inside:
            before = children.setdefault(self.first(xs), element)
            if self.first(before) is not self.first(element):
                self.unite((before, element))
                changed = True
        return changed

    def use(self, stmt: Apply) -> None:
        """Note the statement in its web."""
        value = stmt.out if stmt.op in MADE else stmt.args[0]
        web = self.program.webs.get(value) if isinstance(value, Value) else None
        if web is not None:
            web.uses.setdefault(stmt.op, []).append(stmt)
