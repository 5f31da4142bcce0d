"""Short lists in lists, all of one length, as arrays.

    xs.append([x, t])        ->        xs.append(np.array([x, t]))

Programs collect rows of numbers.  A list of arrays of one shape can become an array itself
(see `counted` and `tapes`), which a list of lists cannot.  Short lists become arrays only where
that follows, as Python is faster with short lists than with short arrays.  This comes before
differentiation as well: the adjoint of the list of lists is a list of arrays then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    known,
)
from stagec.ir.flows import flows
from stagec.ir.function import Function
from stagec.ir.rebuild import map_operands
from stagec.ir.types import ArrayType, ListType, Type
from stagec.ir.walk import operands, rename, statements
from stagec.ops.arrays import array_of
from stagec.ops.comparison import less, less_equal
from stagec.ops.copying import copy
from stagec.ops.effects import check
from stagec.ops.list_arrays import list_stack
from stagec.ops.lists import (
    list_append,
    list_get,
    list_length,
    list_new,
    list_pop,
    list_set,
)
from stagec.opt.counted import counted
from stagec.opt.elements import as_python, read_element, write_element
from stagec.opt.tapes import tapes

OF_ROWS = {list_new, list_get, list_set, list_length, list_stack}
OF_LISTS = {list_new, list_append, list_get, list_set, list_pop, list_length}


def short_lists(fn: Function) -> Function:
    """The function with arrays for short lists in lists that become arrays themselves."""
    fn = replace(fn, functions=tuple(map(short_lists, fn.functions)))
    for group in _groups(fn):
        made = replace(fn, body=_Rewriter(group).block(fn.body, fn.body.params))
        if not _holds(tapes(counted(made)), group.array):
            return short_lists(made)
    return fn


@dataclass(eq=False, slots=True)
class _Group:
    """Short lists that come to stand for each other, and the lists that they are elements of.

    Attributes
    ----------
    values : the lists of both kinds.
    lengths : how many numbers the short lists have.
    kinds : the types of these numbers, as the lists know them.
    fit : whether nothing else happens to them than what arrays have words for.
    """

    values: set[Value] = field(default_factory=set["Value"])
    lengths: set[int] = field(default_factory=set["int"])
    kinds: set[ArrayType] = field(default_factory=set["ArrayType"])
    fit: bool = True

    @property
    def length(self) -> int:
        """The length of each of the short lists."""
        (length,) = self.lengths
        return length

    @property
    def array(self) -> ArrayType:
        """The type of the arrays."""
        (kind,) = self.kinds
        return ArrayType(kind.dtype, (self.length,))

    @property
    def whole(self) -> bool:
        """Whether the short lists can become arrays of one shape."""
        nested = any(isinstance(v.type, ListType) and v.type.nested for v in self.values)
        return self.fit and nested and len(self.kinds) == len(self.lengths) == 1

    def type(self, old: Type) -> Type:
        """What a type becomes."""
        if not isinstance(old, ListType):
            return old
        return ListType(self.type(old.element)) if old.nested else self.array


def _groups(fn: Function) -> list[_Group]:
    """The groups of short lists that can become arrays."""
    found = [s for s in statements(fn.body) if isinstance(s, Apply) and s.op is list_new]
    if not any(isinstance(s.out.type, ListType) and s.out.type.nested for s in found):
        return []
    same = _Same()
    for value in (*fn.params, *fn.results):
        same.unfit((value,))
    for stmt in statements(fn.body):
        same.statement(stmt)
    return [g for g in dict.fromkeys(map(same.group, same.groups)) if g.whole]


@dataclass(slots=True)
class _Same:
    """Collects the groups."""

    groups: dict[Value, _Group] = field(default_factory=dict["Value", "_Group"])

    def group(self, value: Value) -> _Group:
        """The group of a list."""
        if value not in self.groups:
            made = _Group({value})
            kind = _number(value.type)
            if kind is None:
                made.fit = False
            else:
                made.kinds.add(kind)
            self.groups[value] = made
        return self.groups[value]

    def unite(self, given: Iterable[Operand]) -> None:
        """The short lists are those of one group."""
        lists = [v for v in given if isinstance(v.type, ListType)]
        values = [v for v in lists if isinstance(v, Value)]
        for value in values:
            one, other = self.group(values[0]), self.group(value)
            if one is not other:
                if len(one.values) < len(other.values):
                    one, other = other, one
                one.values |= other.values
                one.lengths |= other.lengths
                one.kinds |= other.kinds
                one.fit = one.fit and other.fit
                self.groups.update(dict.fromkeys(other.values, one))
        if len(values) < len(lists):
            self.unfit(values)  # one may be unset

    def unfit(self, given: Iterable[Operand]) -> None:
        """The lists must stay what they are."""
        for value in given:
            if isinstance(value, Value) and isinstance(value.type, ListType):
                self.group(value).fit = False

    def statement(self, stmt: Stmt) -> None:
        """Note what the statement does with lists."""
        match stmt:
            case Apply():
                self.apply(stmt)
            case Call():
                self.unfit((*operands(stmt), *stmt.outs))
            case _:
                for pair in flows(stmt):
                    self.unite(pair)

    def apply(self, stmt: Apply) -> None:
        """Note what the op does with lists."""
        values = (*stmt.args, *stmt.outs)
        if not any(isinstance(v.type, ListType) for v in values):
            return
        self.unite(values)
        subject = _subject(stmt)
        nested = isinstance(subject.type, ListType) and subject.type.nested
        if stmt.op not in (OF_LISTS if nested else OF_ROWS):
            self.unfit(values)
        elif stmt.op is list_new and not nested:
            group = self.group(stmt.out)
            group.lengths.add(len(stmt.args))
            group.fit = group.fit and bool(stmt.args)


def _subject(stmt: Apply) -> Operand:
    """The list that an op is about."""
    return stmt.out if stmt.op is list_new else stmt.args[0]


def _number(kind: Type) -> ArrayType | None:
    """The type of the numbers in short lists; None: they are not numbers."""
    while isinstance(kind, ListType):
        kind = kind.element
    if not isinstance(kind, ArrayType) or kind.rank or kind.kind == "array":
        return None
    return ArrayType(kind.dtype, (), kind.kind)


def _holds(fn: Function, element: Type) -> bool:
    """Whether there are lists of such elements in the function."""
    values = (v for s in statements(fn.body) for v in s.outs)
    return any(isinstance(v.type, ListType) and v.type.element == element for v in values)


@dataclass(slots=True)
class _Rewriter:
    """Goes through the function.

    Attributes
    ----------
    group : the lists that change.
    names : what values have become.
    inside : the indices that are surely inside of short lists.
    """

    group: _Group
    names: dict[Value, Operand] = field(default_factory=dict["Value", "Operand"])
    inside: set[Operand] = field(default_factory=set["Operand"])

    def block(self, block: Block, params: Sequence[Value]) -> Block:
        """The block with other parameters."""
        builder = Builder()
        for stmt in block.stmts:
            builder.loc = stmt.loc
            self.statement(builder, stmt)
        return builder.block(params, [self.renamed(v) for v in block.results])

    def renamed(self, operand: Operand) -> Operand:
        """What the operand has become."""
        return rename(operand, self.names)

    def new(self, values: Sequence[Value]) -> tuple[Value, ...]:
        """The values with the types that they get."""
        found: list[Value] = []
        for value in values:
            if value in self.group.values:
                made = Value(self.group.type(value.type), value.hint)
                self.names[value] = made
                found.append(made)
            else:
                found.append(value)
        return tuple(found)

    def statement(self, builder: Builder, stmt: Stmt) -> None:
        """Add what the statement becomes."""
        if isinstance(stmt, Apply) and _subject_of(stmt, self.group):
            self.row(builder, stmt)
            return
        made = map_operands(stmt, self.renamed)
        match made:
            case Apply():
                if made.op is list_new and made.out in self.group.values:
                    attrs = {"element": self.group.type(made.kwargs["element"])}
                    hint = made.out.hint
                    (self.names[made.out],) = builder.add(list_new, made.args, attrs, hint)
                    return
            case Call():
                pass
            case If():
                then, orelse = (self.block(b, ()) for b in (made.then, made.orelse))
                made = replace(made, then=then, orelse=orelse)
            case For():
                number, *params = made.body.params
                lo, hi, step = map(known, (made.lo, made.hi, made.step))
                if lo is not None and hi is not None and step is not None:
                    trips = range(int(lo), int(hi), int(step))
                    if not trips or (min(trips) >= 0 and max(trips) < self.group.length):
                        self.inside.add(number)
                body = self.block(made.body, (number, *self.new(params)))
                made = replace(made, body=body)
            case While():
                cond = self.block(made.cond, self.new(made.cond.params))
                body = self.block(made.body, self.new(made.body.params))
                made = replace(made, cond=cond, body=body)
            case _:
                assert_never(made)
        self.ended(builder, made)

    def ended(self, builder: Builder, stmt: Stmt) -> None:
        """Add the statement with results of the types that they get."""
        if isinstance(stmt, For | While):
            builder.append(replace(stmt, carry=self.new(stmt.carry)))
        else:
            builder.append(replace(stmt, outs=self.new(stmt.outs)))

    # -- short lists ------------------------------------------------------------------------

    def row(self, builder: Builder, stmt: Apply) -> None:
        """Add what an op on a short list becomes."""
        args = [self.renamed(v) for v in stmt.args]
        if stmt.op is list_new:
            attrs = {"shape": (len(args),), "dtype": self.group.array.dtype}
            (found,) = builder.add(array_of, args, attrs, stmt.out.hint)
        elif stmt.op is list_length:
            found = const(self.group.length)
        elif stmt.op is list_stack:
            (found,) = builder.add(copy, args, {}, stmt.out.hint)
        elif stmt.op is list_set:
            self.require(builder, args[1], "list assignment index out of range")
            found = write_element(builder, args[0], args[2], args[1:2], stmt.out.hint)
        else:
            assert stmt.op is list_get
            self.require(builder, args[1], "list index out of range")
            found = read_element(builder, args[0], args[1:], stmt.out.hint)
            if isinstance(stmt.out.type, ArrayType) and stmt.out.type.kind == "py":
                found = as_python(builder, found, stmt.out.hint)
        self.names[stmt.out] = found

    def require(self, builder: Builder, index: Operand, message: str) -> None:
        """Raise an error unless the index is one of a short list."""
        number, length = known(index), self.group.length
        if index in self.inside or (number is not None and -length <= number < length):
            return
        for op, pair in ((less_equal, (const(-length), index)), (less, (index, const(length)))):
            (holds,) = builder.add(op, pair, {})
            builder.add(check, (holds, const(message)), {"exception": IndexError})


def _subject_of(stmt: Apply, group: _Group) -> bool:
    """Whether the op is about a short list of the group."""
    subject = _subject(stmt) if stmt.args or stmt.op is list_new else None
    kind = None if subject is None else subject.type
    return isinstance(kind, ListType) and not kind.nested and subject in group.values
