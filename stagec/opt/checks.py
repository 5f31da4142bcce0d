"""Checks of indices: those of a kernel that may be outside of their array are checked alone.

    x[columns[k]]  ->  x[inside(columns[k], x.shape[0])]

What is proven to be inside is not checked, nor is an index that was checked before for an axis
as long.  An index that was checked counts from the front and is less than a length, so that
more is known of what is computed from it.

An index that an innermost loop does not change is checked in front of it, if it makes a trip:
LLVM vectorises no loop that may raise.

Nor does it one that counts up: that it is inside on the last trip is checked in front.

An index that an innermost loop counts down, as `k - i`, is marked as one from the front
(`before`, or `natural` where it is no difference): LLVM cannot see that, and would vectorise
nothing, or not see that the elements lie in a row.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from stagec.ir.alias import path_of, path_operands
from stagec.ir.build import Builder
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Const,
    Effect,
    For,
    Op,
    Operand,
    Stmt,
    Value,
    known,
    operand_of,
)
from stagec.ir.function import Function
from stagec.ir.lowering import is_integer
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.rebuild import map_regions
from stagec.ir.types import INT, Dim, Size, Symbol
from stagec.ir.walk import regions
from stagec.ops.arithmetic import Handle, subtract
from stagec.ops.effects import reaches
from stagec.ops.extent import before, extent, inside, inside_if_any, natural
from stagec.ops.growing import kept
from stagec.ops.index_bounds import Indices, Place
from stagec.opt.elements import is_element, is_size


def checks(fn: Function) -> Function:
    """The function with checked indices in its kernels."""
    found = _ranges(fn)
    functions = tuple(
        _checked(f, found.get(f.name, ())) if f.kernel else f for f in fn.functions
    )
    return replace(fn, functions=functions)


def _ranges(fn: Function) -> dict[str, list[tuple[Dim, Dim]]]:
    """The smallest and the largest value of each argument, by the function that is called."""
    found: dict[str, list[tuple[Dim, Dim]]] = {}
    for caller in (fn, *(f for f in fn.functions if not f.kernel)):
        indices = Indices.of(caller)
        for stmt in indices.noted(caller.body):
            if isinstance(stmt, Call):
                first = stmt.function not in found
                found[stmt.function] = [
                    indices.facts.bounds(a) if first and is_integer(a.type) else (None, None)
                    for a in stmt.args
                ]
    return found


def _checked(kernel: Function, ranges: Iterable[tuple[Dim, Dim]]) -> Function:
    known = zip(kernel.params, ranges, strict=False)
    kernel = replace(kernel, ranges={p: found for p, found in known if None not in found})
    return replace(kernel, body=_Checks(Indices.of(kernel)).block(kernel.body))


@dataclass(slots=True)
class _Front:
    """The place in front of an innermost loop that counts in ones.

    Attributes
    ----------
    builder : where statements in front of the loop go.
    bounds : of the numbers that it counts.
    starts : the initial value of each of its carries.
    inner : the values that it defines.
    sizes : how it computes integers.
    index : the number of a trip, if it surely makes all of them.
    made : the checks made there.
    """

    builder: Builder
    bounds: tuple[Operand, Operand]
    starts: dict[Operand, Operand]
    inner: set[Operand]
    sizes: dict[Operand, Apply]
    index: Value | None
    made: dict[Hashable, Value] = field(default_factory=dict[Hashable, Value])

    @classmethod
    def of(cls, builder: Builder, stmt: For) -> _Front | None:
        """The place in front of the loop; None if nothing can be checked there."""
        if known(stmt.step) != 1:
            return None
        starts: dict[Operand, Operand] = dict(zip(stmt.body.params[1:], stmt.init, strict=True))
        outs = (out for s in stmt.body.stmts for out in s.outs)
        found = [s for s in stmt.body.stmts if is_size(s)]
        sizes: dict[Operand, Apply] = {s.outs[0]: s for s in found if isinstance(s, Apply)}
        inner: set[Operand] = {*stmt.body.params, *outs}
        index = stmt.body.params[0] if _goes_on(stmt) else None
        return cls(builder, (stmt.lo, stmt.hi), starts, inner, sizes, index)

    def last(self, index: Operand) -> Operand | None:
        """An integer of the loop as it is on the last trip, computed in front of the loop."""
        if index is self.index:
            return operand_of(Handle(self.builder, self.bounds[1]) - 1)
        if index not in self.inner:
            return index
        made = self.sizes.get(index)
        args = [] if made is None else [self.last(a) for a in made.args]
        if made is None or None in args:
            return None
        return self.builder.add(made.op, [a for a in args if a is not None], made.kwargs)[0]


def _goes_on(loop: For) -> bool:
    """Whether nothing but an index that is outside ends the loop before its last trip."""
    return not loop.until and all(
        isinstance(s, Apply)
        and s.op.effect is Effect.NONE
        and ((path_of(s) and is_element(s)) or not s.raises)
        for s in loop.body.stmts
    )


class _Checks:
    """Goes through a kernel in order.

    Attributes
    ----------
    _known : the checks made before, in blocks around.
    _counts : what stands for the index of the loop around, if it is an innermost one.
    _front : the place in front of it.
    """

    def __init__(self, indices: Indices) -> None:
        self._indices = indices
        self._known: dict[Hashable, Value] = {}
        self._counts: Symbol | None = None
        self._front: _Front | None = None

    def block(self, block: Block) -> Block:
        """The block with checks."""
        before = dict(self._known)
        builder = Builder()
        with self._indices.scope(block):
            for stmt in block.stmts:
                self._indices.note(stmt)
                builder.append(self._checked(builder, stmt))
        self._known = before
        return replace(block, stmts=tuple(builder.stmts))

    def _checked(self, builder: Builder, stmt: Stmt) -> Stmt:
        if not isinstance(stmt, Apply):
            return self._regions(builder, stmt)
        path = path_of(stmt)
        if path is None or len(path) != 1 or not isinstance(path[0], Index):
            return stmt
        builder.loc = stmt.loc
        found = {p.item: self._check(builder, stmt, p) for p in self._indices.doubtful(stmt)}
        for k, item in enumerate(path[0].items):
            index = path_operands(stmt)[item.position] if isinstance(item, Arg) else None
            if k not in found and isinstance(index, Value) and self._falls(index):
                found[k] = self._marked(builder, index)
        return _indexed(stmt, path[0], found) if found else stmt

    def _regions(self, builder: Builder, stmt: Stmt) -> Stmt:
        """The statement with checks in its regions, and in front of it."""
        before = self._counts, self._front
        self._counts = self._front = None
        if isinstance(stmt, For) and not any(regions(s) for s in stmt.body.stmts):
            self._counts, self._front = self._counting(stmt), _Front.of(builder, stmt)
        made = map_regions(stmt, self.block)
        if self._front:
            self._known |= self._front.made
        self._counts, self._front = before
        return made

    def _counting(self, stmt: For) -> Symbol | None:
        """The symbol of the index of the loop."""
        at = self._indices.facts.of(stmt.body.params[0])
        return at.terms[0][0] if isinstance(at, Size) else None

    def _falls(self, index: Value) -> bool:
        """Whether the index gets smaller from one number of the innermost loop to the next."""
        at = self._indices.facts.of(index) if is_integer(index.type) else None
        return isinstance(at, Size) and any(s == self._counts and f < 0 for s, f in at.terms)

    def _marked(self, builder: Builder, index: Value) -> Value:
        """The index, which is surely inside."""
        if index not in self._known:
            facts, made = self._indices.facts, builder.producer(index)
            if (
                made
                and made.op is subtract
                and all(facts.holds(facts.of(a)) for a in made.args)
            ):
                (self._known[index],) = builder.add(before, made.args, {})
            else:
                (self._known[index],) = builder.add(natural, (index,), {})
            self._indices.note(builder.stmts[-1])
        return self._known[index]

    def _check(self, builder: Builder, stmt: Apply, place: Place) -> Value:
        """The index, checked."""
        array = stmt.args[0]
        index = Const(place.index, INT) if isinstance(place.index, int) else place.index
        dim = self._indices.lengths_of(array)[place.axis]
        length = (self._indices.origins.first(array), place.axis) if dim is None else dim
        key = (index, length)
        if key in self._known:
            return self._known[key]
        if (front := self._front) is not None:
            front.builder.loc = stmt.loc
            start = None if index in front.inner else self._before(front, array)
            if start is not None:
                return self._ahead(front, index, length, (start, place.axis))
        if self._reached(array, place.axis, index):
            (self._known[key],) = builder.add(kept, (index,), {})
            self._indices.note(builder.stmts[-1])
        else:
            self._known[key] = self._made(builder, (array, place.axis), inside, (index,))
        return self._known[key]

    def _reached(self, array: Operand, axis: int, index: Operand) -> bool:
        """Whether the index is inside on all trips because it is on the last one, which is then
        checked in front of the loop.
        """
        front, facts = self._front, self._indices.facts
        at = facts.of(index) if is_integer(index.type) else None
        terms = dict(at.terms) if isinstance(at, Size) else {}
        if front is None or self._counts is None or terms.get(self._counts, 0) <= 0:
            return False
        start = self._before(front, array)
        if start is None or not facts.holds(at):
            return False
        last = front.last(index)
        if last is None:
            return False
        (length,) = front.builder.add(extent, (start,), {"axis": axis})
        self._indices.note(front.builder.stmts[-1])
        front.builder.add(reaches, (last, length, *front.bounds), {})
        return True

    def _before(self, front: _Front, array: Operand) -> Operand | None:
        """The version of the array in front of the loop."""
        version: Operand | None = array
        while isinstance(version, Value) and version in front.inner:
            version = front.starts.get(version) or self._indices.origins.of.get(version)
        return version

    def _ahead(
        self, front: _Front, index: Operand, length: Hashable, axis: tuple[Operand, int]
    ) -> Value:
        """The index, checked in front of the loop."""
        key = (index, length, front.bounds)
        found = self._known.get(key) or front.made.get(key)
        if found is None:
            low, high = map(known, front.bounds)
            surely = isinstance(low, int) and isinstance(high, int) and low < high
            op, bounds = (inside, ()) if surely else (inside_if_any, front.bounds)
            found = front.made[key] = self._made(front.builder, axis, op, (index, *bounds))
        return found

    def _made(
        self, builder: Builder, axis: tuple[Operand, int], op: Op, args: tuple[Operand, ...]
    ) -> Value:
        """A check of the first operand for an axis of an array."""
        (length,) = builder.add(extent, axis[:1], {"axis": axis[1]})
        (made,) = builder.add(op, (args[0], length, *args[1:]), {})
        for stmt in builder.stmts[-2:]:
            self._indices.note(stmt)
        return made


def _indexed(stmt: Apply, step: Index, found: Mapping[int, Value]) -> Apply:
    """The op with other indices for some of its items."""
    old = path_operands(stmt)
    operands: list[Operand] = []

    def moved(part: object) -> object:
        if isinstance(part, Slice):
            return Slice(*(moved(p) for p in (part.start, part.stop, part.step)))  # type: ignore[arg-type]
        if not isinstance(part, Arg):
            return part
        operands.append(old[part.position])
        return Arg(len(operands) - 1)

    items: list[object] = []
    for k, item in enumerate(step.items):
        if k in found:
            items.append(Arg(len(operands)))
            operands.append(found[k])
        else:
            items.append(moved(item))
    first = len(stmt.args) - len(old)
    attrs = tuple(
        (name, (Index(tuple(items)),) if name == "path" else value)  # type: ignore[arg-type]
        for name, value in stmt.attrs
    )
    return replace(stmt, args=(*stmt.args[:first], *operands), attrs=attrs)
