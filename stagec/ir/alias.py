"""Which memory a value may share: the alias analysis of single statements.

Memory is made of atoms: a parameter's memory, what an op or a copy made, what a loop carry
holds at the head of a trip.  An atom overlaps itself, and other atoms only where that is said.
A list has memory of its own (`own`) and that of everything that can be reached through it
(`content`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from stagec.ir.core import Apply, Operand, Stmt, Value
from stagec.ir.path import Index, Item, Path, Slice
from stagec.ir.types import ArrayType, ListType, Type


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """A piece of memory.

    `fixed` says why nobody may write to it (empty: one may); `param` marks the memory of the
    function's parameters; `carry` is the loop and the component whose memory at the head of a
    trip this is.
    """

    name: str
    fixed: str = ""
    param: bool = False
    carry: tuple[Stmt, int] | None = None

    def __repr__(self) -> str:
        return f"<memory of {self.name or 'a value'}>"


Atoms: TypeAlias = frozenset[Atom]
NONE: Atoms = frozenset()


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory that a value may share.

    Attributes
    ----------
    own : of the array, or of the list without its elements.
    content : of everything that a list holds.
    identity : equal for two values that surely are the same object; None: unknown.
    part : whether it is a view of something else.
    region : for a view by constant indices, the identity of the whole and those indices.
    """

    own: Atoms = NONE
    content: Atoms = NONE
    identity: object = None
    part: bool = False
    region: tuple[object, tuple[Item, ...]] | None = None

    @property
    def all(self) -> Atoms:
        """Everything that can be reached."""
        return self.own | self.content if self.content else self.own


NOTHING = Memory()
MakeAtom: TypeAlias = Callable[[Value, str], Atom]


def depth(type: Type) -> int | None:
    """How many lists an array sits in; None for what has no memory: numbers and strings."""
    if isinstance(type, ListType):
        return 1 + (depth(type.element) or 0)
    return 0 if isinstance(type, ArrayType) and type.kind == "array" else None


def path_of(stmt: Apply) -> Path | None:
    """The path that the op addresses, if it has one."""
    return stmt.kwargs.get("path")


def path_operands(stmt: Apply) -> tuple[Operand, ...]:
    """The operands that the path of the op mentions: those behind the array and the value."""
    return stmt.args[1 if stmt.op.overwrites is None else 2 :]


def contents_used(stmt: Apply) -> tuple[Operand, ...]:
    """The operands of which more than the shape is read."""
    return tuple(
        arg
        for k, arg in enumerate(stmt.args)
        if k not in stmt.op.shapes or isinstance(arg.type, ListType)
    )


def holds_memory(type: Type) -> bool:
    """Whether it is a list of something that has memory."""
    return isinstance(type, ListType) and depth(type.element) is not None


def result_memories(
    stmt: Apply, args: tuple[Memory, ...], atom: MakeAtom
) -> tuple[Memory, ...]:
    """The memory of the results of an op, given that of its operands."""
    return tuple(
        NOTHING if depth(out.type) is None else _result(stmt, args, position, out, atom)
        for position, out in enumerate(stmt.outs)
    )


def _result(
    stmt: Apply, args: tuple[Memory, ...], position: int, out: Value, atom: MakeAtom
) -> Memory:
    target = stmt.op.overwrites
    if target is not None and args[target].own:
        if position == 0:
            return replace(args[target], content=_written(stmt, args, target))
        return _element(args[target], out)
    shared = stmt.op.aliased(stmt.kwargs)
    if shared is not None:
        return _alias(stmt, args[shared], shared, out, atom)
    return Memory(frozenset((atom(out, "own"),)), _stored(stmt, args, out), out)


def _stored(stmt: Apply, args: tuple[Memory, ...], out: Value) -> Atoms:
    """The memory that a list result refers to: that of operands nested less deeply."""
    level = depth(out.type) or 0
    found = NONE
    for k, (arg, memory) in enumerate(zip(stmt.args, args, strict=True)):
        inner = depth(arg.type)
        if k not in stmt.op.shapes and inner is not None and inner < level:
            found |= memory.all
    return found


def _written(stmt: Apply, args: tuple[Memory, ...], target: int) -> Atoms:
    """What a list refers to after the op has written to it."""
    content = args[target].content | _stored(stmt, args, stmt.outs[0])
    for arg, memory in zip(stmt.args, args, strict=True):
        if depth(arg.type) == depth(stmt.outs[0].type):
            content |= memory.content
    return content


def _element(source: Memory, out: Value) -> Memory:
    """What is taken out of a list."""
    return Memory(source.content, source.content, out, part=True)


def _alias(stmt: Apply, source: Memory, shared: int, out: Value, atom: MakeAtom) -> Memory:
    operand = stmt.args[shared]
    fresh = frozenset((atom(out, "own"),))
    repeated = frozenset((atom(out, "repeated"),)) if _may_repeat(stmt, operand, out) else NONE
    if isinstance(operand.type, ListType) and depth(out.type) != depth(operand.type):
        return _element(source, out)
    if isinstance(out.type, ListType):
        # no list is a view of another: only the elements are shared
        inner = source.content if isinstance(operand.type, ListType) else source.all
        return Memory(fresh, inner | repeated, out)
    own = (source.own or fresh) | repeated
    return Memory(own, NONE, out, bool(source.own), _region(stmt, source))


def _may_repeat(stmt: Apply, operand: Operand, out: Value) -> bool:
    """Whether one element of the operand may stand at several places of the view.

    NumPy makes such views read-only.  A path never repeats; of other views those are known not
    to that have the axes of their operand, apart from axes of length 1.
    """
    attrs = stmt.kwargs
    if "path" in attrs:
        return False
    if "shape" in attrs or len([a for a in stmt.args if depth(a.type) is not None]) > 1:
        return True
    if not isinstance(operand.type, ArrayType) or not isinstance(out.type, ArrayType):
        return False
    return _long_axes(operand.type) != _long_axes(out.type)


def _long_axes(type: ArrayType) -> list[str]:
    return sorted("?" if d is None else str(d) for d in type.shape if d != 1)


# --- regions ---------------------------------------------------------------------------------


def _region(stmt: Apply, source: Memory) -> tuple[object, tuple[Item, ...]] | None:
    """Where in the whole array the view lies."""
    if source.part and source.region is not None:
        return source.region
    path = path_of(stmt)
    if not path or not isinstance(path[0], Index) or source.identity is None:
        return None
    return source.identity, path[0].items


def disjoint(view: Memory, written: Memory, path: Path | None) -> bool:
    """Whether the write through the path to the array surely misses the view."""
    if view.region is None or not path or not isinstance(path[0], Index):
        return False
    whole, items = view.region
    if whole is not written.identity:
        return False
    for a, b in zip(items, path[0].items, strict=False):
        # from here on the items need not be about the same axis
        if not (_constant(a) and _constant(b)):
            return False
        if _apart(a, b) or _apart(b, a):
            return True
    return False


def _constant(item: Item) -> bool:
    if isinstance(item, Slice):
        return all(p is None or isinstance(p, int) for p in (item.start, item.stop, item.step))
    return isinstance(item, int)


def _apart(a: Item, b: Item) -> bool:
    """Whether everything that `a` selects lies before everything that `b` selects."""
    (_, last), (first, _) = _span(a), _span(b)
    if last is None or first is None:
        return False
    return last < first if (last < 0) == (first < 0) else False


def _span(item: Item) -> tuple[int | None, int | None]:
    """The least and the greatest index, counted from the start or (negative) from the end.

    None where that is not known.
    """
    if isinstance(item, int):
        return item, item
    if not isinstance(item, Slice):
        return None, None
    step: Any = item.step
    if step is not None and step < 0:
        return None, None
    start: Any = 0 if item.start is None else item.start
    stop: Any = item.stop
    return start, -1 if stop is None else stop - 1 if stop != 0 else None
