"""The cotangents known so far in one block, and how contributions to them add up.

A missing cotangent is a zero that nobody has needed yet.  The first contribution is taken as it
is; later ones to an array are accumulated into it, which `opt.bufferise` does in place, unless
the first is the cotangent of something else too (then a new sum costs less than a copy).
A first contribution to a part of an array stays that part, if that is of use (`parts`), and
contributions to a copy stay as they are while they are to parts of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from stagec.errors import InternalError
from stagec.ir.build import Builder
from stagec.ir.core import Const, For, Operand, Value, const, operand_of
from stagec.ir.path import Arg, Index
from stagec.ir.types import INT, ArrayType, ListType, Type
from stagec.ops.arithmetic import Handle, add
from stagec.ops.cast import to_python
from stagec.ops.creation import zeros
from stagec.ops.form import to_numpy
from stagec.ops.indexing import WHOLE, accumulate, read_at, update, update_at
from stagec.ops.into import Into
from stagec.ops.lists import list_add, list_get, list_length, list_zeros
from stagec.ops.masks import covered, peeled
from stagec.transforms.activity import Activity
from stagec.transforms.parts import cleared, is_part, turned, what_is_left
from stagec.transforms.shapes import Shapes, zeros_of_shape


@dataclass(slots=True)
class Cotangents:
    """The cotangents of the values that the block being built can see."""

    builder: Builder
    active: Activity
    shapes: Shapes
    hints: dict[Value, str]
    current: dict[Value, Operand] = field(default_factory=dict[Value, Operand])
    # of which values a cotangent is the first contribution, and which need theirs no more
    claims: dict[Operand, set[Value]] = field(default_factory=dict[Operand, set[Value]])
    done: set[Value] = field(default_factory=set[Value])
    divided: frozenset[Value] = frozenset()  # whose cotangents are of use if they are a part
    copies: frozenset[Value] = frozenset()  # whose cotangents are of use in parts
    parts: dict[Value, list[Any]] = field(default_factory=dict[Value, "list[Any]"])

    def nested(self, builder: Builder) -> Cotangents:
        """The same cotangents, seen from a block inside this one."""
        for value in tuple(self.parts):
            self.get(value)
        current = dict(self.current)
        none = frozenset[Value]()
        return replace(
            self, builder=builder, current=current, divided=none, copies=none, parts={}
        )

    def bare(self, builder: Builder) -> Cotangents:
        """No cotangents yet, in a block inside this one."""
        return Cotangents(builder, self.active, self.shapes, self.hints)

    def get(self, value: Operand) -> Operand | None:
        """The cotangent of the value; None if it is zero so far."""
        if not isinstance(value, Value):
            return None
        for part in self.parts.pop(value, ()):
            self._whole(value, part)
        return self.current.get(value)

    def take(self, value: Value) -> Operand | None:
        """The cotangent of the value, which is complete and not needed again."""
        self.get(value)
        return self.current.pop(value, None)

    def take_parts(self, value: Value) -> list[Any]:
        """The terms of the cotangent of the value if it stayed in parts; taken as by `take`."""
        return self.parts.pop(value, [])

    def set(self, value: Value, cotangent: Operand) -> None:
        """Make `cotangent` the cotangent of the value."""
        self._name(value, cotangent)
        self.current[value] = cotangent

    def full(self, value: Value) -> Operand:
        """The cotangent of the value, zeros included."""
        found = self.get(value)
        return self.zeros(value) if found is None else found

    def add(self, target: Operand, term: Any) -> None:
        """Add a contribution to the cotangent of `target`, if that is active."""
        if term is None or not isinstance(target, Value) or target not in self.active:
            return
        if self._stays_part(target, term):
            self.parts.setdefault(target, []).append(term)
        else:
            self._whole(target, term)

    def _stays_part(self, target: Value, term: Any) -> bool:
        """Whether the term is kept apart until the cotangent is needed."""
        if target in self.copies and target not in self.current:
            return is_part(target, term) or cleared(self.builder, term) is not None
        return target in self.divided and self.get(target) is None and is_part(target, term)

    def _whole(self, target: Value, term: Any) -> None:
        """Add a contribution to the cotangent as one array."""
        known = self.get(target)
        left = None if known is None else cleared(self.builder, term)
        if left is not None:
            term = what_is_left(self.builder, left)
        if known is None and isinstance(term, Into):
            whole = turned(target, term)
            term = term if whole is None else whole
        if isinstance(term, Into):
            self._onto(target, self.full(target), term)
        else:
            self._total(target, self._sum(target, operand_of(term)))

    def _onto(self, target: Value, known: Operand, term: Into) -> None:
        known, term = self._in_place_of_zeros(target, known, term)
        self._total(target, operand_of(term.onto(Handle(self.builder, known))))

    def _in_place_of_zeros(
        self, target: Value, known: Operand, term: Into
    ) -> tuple[Operand, Into]:
        """The sum so far and the term; a write, where it adds to a part just set to zero.

        That is a row, or one of two parts of the array: others are left to stencils, whose sums
        take the place of the zeros (`opt.gathers`).
        """
        made = self.builder.producer(known)
        if made is None or made.op is not update or not is_part(target, term):
            return known, term
        index = tuple(map(operand_of, term.operands[1:]))
        row = all(
            isinstance(step, Index) and all(isinstance(i, int | Arg) for i in step.items)
            for step in made.kwargs["path"]
        )
        same = made.args[2:] == index and made.kwargs == dict(term.attrs)
        half = cleared(self.builder, Handle(self.builder, known)) is not None
        if not ((row or half) and same and made.args[1] == const(0)):
            return known, term
        return made.args[0], replace(term, op=update)

    def _total(self, target: Value, total: Operand) -> None:
        self.set(target, coerce(self.builder, total, cotangent_type(target, total.type)))

    def _sum(self, target: Value, term: Operand) -> Operand:
        known = self.get(target)
        if known is None:
            self.claims.setdefault(term, set()).add(target)
            return term
        if isinstance(target.type, ListType):
            return self._list_sum(known, term)
        assert isinstance(target.type, ArrayType)
        shared = self._is_shared(known, target) or known is term or self._view(known)
        if target.type.kind == "array" and not shared:
            attrs = {"path": WHOLE}
            return self.builder.add(accumulate, (known, term), attrs)[0]
        return self.builder.add(add, (known, term), {})[0]

    def _is_shared(self, known: Operand, target: Value) -> bool:
        """Whether the cotangent is that of something else too, or has the name of that."""
        claims = self.claims.get(known, set[Value]())
        name = self.hints.get(known, "") if isinstance(known, Value) else ""
        own = name in ("", f"{target.hint}_bar")
        return len(claims) > 1 and (not own or len(claims - self.done) > 1)

    def _view(self, cotangent: Operand) -> bool:
        """Whether the cotangent shows the memory of another value."""
        made = self.builder.producer(cotangent)
        return made is not None and made.op.aliased(made.kwargs) is not None

    def _list_sum(self, total: Operand, terms: Operand) -> Operand:
        """`total` with the elements of the list `terms` added to its own."""
        (length,) = self.builder.add(list_length, (terms,), {})
        inner = self.builder.nested()
        k, carried = Value(INT, "k"), Value(total.type)
        index, part = Handle(inner, k), Handle(inner, terms)
        result = list_add(Handle(inner, carried), index, list_get(part, index))
        out = Value(total.type)
        body = inner.block((k, carried), (operand_of(result),))
        loop = For(const(0), length, const(1), (total,), body, (out,), loc=self.builder.loc)
        self.builder.append(loop)
        return out

    def zeros(self, value: Value) -> Operand:
        """A zero cotangent for the value."""
        return zero(self.builder, self.shapes, value)

    def _name(self, value: Value, cotangent: Operand) -> None:
        if isinstance(cotangent, Value) and value.hint:
            self.hints.setdefault(cotangent, f"{value.hint}_bar")


def zero(builder: Builder, shapes: Shapes, value: Operand) -> Operand:
    """A zero like the value."""
    match value.type:
        case ListType():
            like = shapes.latest(value) if isinstance(value, Value) else value
            return builder.add(list_zeros, (like,), {})[0]
        case ArrayType(dtype=dtype, kind="py"):
            return const(complex(0) if dtype.kind == "c" else 0.0)
        case ArrayType(dtype=dtype, kind="np"):
            return const(dtype.type(0))
        case ArrayType() if isinstance(value, Value):
            return zeros_of_shape(builder, shapes, value)
        case _:
            raise InternalError(f"{value} has no derivative")


def cotangent_type(value: Operand, given: Type | None = None) -> Type:
    """The type of a cotangent of `value`; a scalar may be of the kind of `given` instead."""
    type = value.type
    if not isinstance(type, ArrayType) or type.kind == "array":
        return type
    kind = given.kind if isinstance(given, ArrayType) and given.kind != "array" else type.kind
    return ArrayType(type.dtype, (), "np" if "np" in (kind, type.kind) else "py")


def coerce(builder: Builder, operand: Operand, type: Type) -> Operand:
    """A scalar operand in the kind of `type`; anything else as it is."""
    given = operand.type
    if not (isinstance(type, ArrayType) and isinstance(given, ArrayType)):
        return operand
    if given.kind == type.kind or type.rank:
        return operand
    if type.kind == "array":
        (cell,) = builder.add(zeros, (), {"shape": (), "dtype": type.dtype})
        return operand_of(update_at(Handle(builder, cell), Handle(builder, operand), WHOLE))
    if given.kind == "array":
        operand = operand_of(_element(Handle(builder, operand)))
    if type.kind == "np" and operand.type != type:
        if isinstance(operand, Const):
            return const(type.dtype.type(operand.value))
        return builder.add(to_numpy, (operand,), {})[0]
    return operand


def _element(cell: Handle) -> Any:
    """The number in an array without axes; it is masked if the array is."""
    body, masks = peeled(cell)
    return covered(read_at(body, (Index(()),)), masks)


def converted(builder: Builder, operand: Operand, type: Type) -> Operand:
    """The operand in the kind of `type`, also where that is a Python number."""
    operand = coerce(builder, operand, type)
    given = operand.type
    if not (isinstance(type, ArrayType) and isinstance(given, ArrayType)):
        return operand
    if type.kind != "py" or given.kind == "py":
        return operand
    kind = "complex" if type.dtype.kind == "c" else "float"
    return builder.add(to_python, (operand,), {"kind": kind})[0]


def joined(*types: Type) -> Type:
    """The common type of cotangents that meet: NumPy scalars win over Python numbers."""
    kinds = {t.kind for t in types if isinstance(t, ArrayType)}
    first = types[0]
    if isinstance(first, ArrayType) and kinds == {"py", "np"}:
        return replace(first, kind="np", size=None)
    return first


def shaped_like(value: Operand, type: Type) -> Type:
    """The type, that of a tangent or cotangent of `value`, with what is known of its shape.

    One side of a branch may know more: that two lengths are equal, because it tests them.
    """
    if isinstance(type, ArrayType) and isinstance(value.type, ArrayType):
        return replace(type, shape=value.type.shape)
    return type
