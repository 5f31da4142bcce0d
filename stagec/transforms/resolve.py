"""Backward statements of one block, with every forward value that they use made available.

`Resolver.run` copies the backward statements in order; what they use of the forward block is
fetched right before its first use, as `Residuals` decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Operand, Stmt, Value, const
from stagec.ir.types import ArrayType
from stagec.ir.walk import substitute_stmt
from stagec.ops.broadcast import broadcast_to
from stagec.ops.copying import copy
from stagec.ops.extent import extent
from stagec.transforms.contents import contents, shapes_only
from stagec.transforms.context import Context
from stagec.transforms.drafts import Draft
from stagec.transforms.residuals import Group, again
from stagec.transforms.shapes import axes_of, planned
from stagec.transforms.versions import Step, is_read, saved, undone


@dataclass(slots=True)
class Segment:
    """The backward statements of one forward statement.

    `provides` maps versions of arrays before that statement to their rebuilt values.
    """

    stmts: list[Stmt] = field(default_factory=list["Stmt"])
    provides: dict[Value, Value] = field(default_factory=dict[Value, Value])


Segments = dict[Stmt, Segment]
UndoStep = Callable[[Builder, Step], tuple[Value, ...]]


@dataclass(slots=True)
class Resolver:
    """Fetches forward values into a backward block.

    `names` holds what is available; `fetch` makes a stored value available; `undo` appends a
    loop or a branch that undoes one and returns the versions before it.
    """

    draft: Draft
    builder: Builder
    names: dict[Value, Operand]
    stored: set[Value]
    groups: list[Group]
    fetch: Callable[[Value], Operand]
    undo: UndoStep
    context: Context
    lazy: dict[Value, Callable[[], Operand]] = field(
        default_factory=dict[Value, Callable[[], Operand]]
    )
    _steps: dict[Value, Step] = field(default_factory=dict[Value, Step])
    _shapes: dict[Value, Operand] = field(default_factory=dict[Value, Operand])
    _busy: list[Step] = field(default_factory=list[Step])

    def __post_init__(self) -> None:
        for group in self.groups:
            for step in group.steps:
                self._steps.update(dict.fromkeys(step.before, step))

    def run(self, segments: Segments) -> None:
        """Append the backward statements, in reverse order of what they belong to."""
        for stmt in reversed(self.draft.block.stmts):
            segment = segments.get(stmt)
            self.builder.loc = stmt.loc
            if segment is not None:
                self.emit(segment.stmts)
                for version, value in segment.provides.items():
                    self.names.setdefault(version, value)
            for version, step in self._steps.items():
                if step.stmt is stmt and version not in self.names:
                    self._undo(step)

    def emit(self, stmts: Iterable[Stmt]) -> None:
        """Append statements with forward values replaced by what they are here."""
        for stmt in stmts:
            for value in contents(stmt):
                self.get(value)
            shapes = {v: self._shaped(v) for v in shapes_only(stmt)}
            self.builder.append(substitute_stmt(stmt, self.names | shapes))

    def get(self, operand: Operand) -> Operand:
        """The operand as it is available in the backward block."""
        if not isinstance(operand, Value):
            return operand
        if operand not in self.names:
            found = self._fetched(operand)
            if found is operand:
                return operand
            self.names.setdefault(operand, found)
        return self.names[operand]

    def _fetched(self, value: Value) -> Operand:
        if value in self.lazy:
            return self.lazy[value]()
        if value in self.stored:
            return self.fetch(value)
        survivor = self.context.survivor(value) if value in self.draft.defs else None
        if survivor is not None and all(map(self._free, survivor.args)):
            return self._again(survivor, value)
        step = self._steps.get(value)
        if step is not None and step not in self._busy:
            self._undo(step)
            return self.names[value]
        if value not in self.draft.defs:
            return value
        stmt = again(self.draft, value)
        if stmt is None or not all(map(self._reachable, stmt.args)):
            return self.fetch(value)
        return self._again(stmt, value)

    def _again(self, stmt: Apply, value: Value) -> Operand:
        """The value, a result of the op, computed here."""
        args = tuple(self.get(a) for a in stmt.args)
        if stmt.op is copy and args[0].type == value.type and stmt.args[0] not in self._steps:
            return args[0]  # nothing writes to it here
        outs = tuple(Value(v.type, v.hint) for v in stmt.outs)
        self.builder.append(replace(stmt, args=args, outs=outs))
        self.names.update(zip(stmt.outs, outs, strict=True))
        return self.names[value]

    def _shaped(self, value: Value) -> Operand:
        """A value of the shape of `value`; it is not stored for that."""
        if value in self.names or value not in self.draft.defs or self._free(value):
            return self.get(value)
        if not isinstance(value.type, ArrayType):
            return self.get(value)
        if value not in self._shapes:
            self._shapes[value] = self._dummy(value, value.type)
        return self._shapes[value]

    def _dummy(self, value: Value, type: ArrayType) -> Operand:
        sizes = self.context.shapes.sizes(self.builder, type)
        stmt = self.draft.producer(value)
        if sizes is None and stmt is not None and is_read(stmt):
            array, *index = stmt.args
            if isinstance(array, Value) and all(map(self._free, index)):
                args = self._shaped(array), *(self.get(i) for i in index)
                return self.builder.add(stmt.op, args, stmt.kwargs)[0]
        if sizes is None and stmt is not None:
            sizes = self._measured(stmt, value)
        if sizes is None:
            sizes = [
                self.fetch(e) if isinstance(e, Value) else e for e in self.draft.extents(value)
            ]
        shape, args = planned(sizes, 1)
        return self.builder.add(broadcast_to, (const(0.0), *args), {"shape": shape})[0]

    def _measured(self, stmt: Apply, value: Value) -> list[Operand] | None:
        """The lengths of a result, if each is that of an operand which is there."""
        places = axes_of(stmt, value)
        if places is None or not all(self._free(a) for a, _ in places):
            return None
        return [self.builder.add(extent, (self.get(a),), {"axis": k})[0] for a, k in places]

    def _free(self, operand: Operand) -> bool:
        """Whether nothing more is stored to have the operand."""
        if not isinstance(operand, Value) or operand not in self.draft.defs:
            return True
        if operand in self.names or operand in self.stored or operand in self.lazy:
            return True
        if operand in self._steps:
            return self._reachable(operand)
        ways = self.context.survivor(operand), again(self.draft, operand)
        return any(stmt is not None and all(map(self._free, stmt.args)) for stmt in ways)

    def _reachable(self, operand: Operand) -> bool:
        """Whether the operand does not depend on what is just being undone."""
        if not isinstance(operand, Value) or operand in self.names or operand in self.stored:
            return True
        step = self._steps.get(operand)
        if step is not None:
            return step not in self._busy and all(map(self._reachable, step.after))
        stmt = again(self.draft, operand) if operand in self.draft.defs else None
        return stmt is None or all(map(self._reachable, stmt.args))

    def _undo(self, step: Step) -> None:
        self._busy.append(step)
        for version in step.after:
            self.get(version)
        stmt = step.stmt
        if isinstance(stmt, Apply):
            index = [self.get(a) for a in stmt.args[2:]]
            old = self.get(saved(self.draft, stmt))
            new = self.get(step.after[0])
            self.names[step.before[0]] = undone(self.builder, stmt, new, old, index)
        else:
            nested = Builder(loc=stmt.loc)
            versions = self.undo(nested, step)
            self.emit(nested.stmts)
            self.names.update(zip(step.before, versions, strict=True))
        self._busy.pop()
