"""Building blocks statement by statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stagec.errors import Loc
from stagec.ir.core import Apply, Attrs, Block, Const, Op, Operand, Stmt, Value
from stagec.ir.types import INT, ArrayType, Dim, Size, Type, at_least


@dataclass(slots=True)
class Builder:
    """Collects the statements of one block; `loc` is given to each of them."""

    stmts: list[Stmt] = field(default_factory=list[Stmt])
    loc: Loc | None = None
    _producers: dict[Value, Apply] = field(default_factory=dict[Value, Apply])
    # tells of the block that the statements are made for
    origins: Callable[[Value], Apply | None] | None = None

    def add(
        self, op: Op, args: Sequence[Operand], attrs: dict[str, Any], hint: str = ""
    ) -> tuple[Value, ...]:
        """Append `op(*args, **attrs)` and return its results."""
        types = op.infer(*(a.type for a in args), **attrs)
        types = types if isinstance(types, tuple) else (measured(op, args, types),)
        outs = tuple(Value(t, hint) for t in types)
        stmt = Apply(op, tuple(args), freeze(attrs), outs, self.loc)
        self.stmts.append(stmt)
        self._producers.update(dict.fromkeys(outs, stmt))
        return outs

    def producer(self, value: Operand) -> Apply | None:
        """The op of this block that computed `value`, if it was one."""
        return self._producers.get(value) if isinstance(value, Value) else None

    def origin(self, value: Operand) -> Apply | None:
        """The op that computed `value`, here or in the block that this is made for."""
        found = self.producer(value)
        if found is None and self.origins is not None and isinstance(value, Value):
            return self.origins(value)
        return found

    def append(self, stmt: Stmt) -> None:
        """Append a finished statement."""
        self.stmts.append(stmt)
        if isinstance(stmt, Apply):
            self._producers.update(dict.fromkeys(stmt.outs, stmt))

    def nested(self) -> Builder:
        """A builder for a block inside this one, which knows what this one computed."""
        return Builder(loc=self.loc, _producers=self._producers)

    def block(self, params: Sequence[Value], results: Sequence[Operand]) -> Block:
        """The block of the statements so far."""
        return Block(tuple(params), tuple(self.stmts), tuple(results))


def freeze(attrs: dict[str, Any]) -> Attrs:
    """Attributes in their stored form."""
    return tuple(sorted(attrs.items()))


def measured(op: Op, args: Sequence[Operand], type: Type) -> Type:
    """The type of a result, which is an integer of known size if its operands are."""
    if op.measure is None or type != INT:
        return type
    numbers = [exact(a) for a in args]
    found = None if None in numbers else op.measure(*numbers)
    return replace(INT, size=found) if isinstance(found, Size) and _is_exact(found) else type


def exact(operand: Operand) -> Dim:
    """The integer as a size; None if it is not surely one."""
    if isinstance(operand, Const):
        return operand.value if type(operand.value) is int else None
    size = operand.type.size if isinstance(operand.type, ArrayType) else None
    return size if size is not None and _is_exact(size) else None


def _is_exact(size: Size) -> bool:
    """Whether integers of this size are sizes of arrays and what surely is none is not cut
    off at 0, as lengths of slices are.
    """
    least = at_least(size)
    return least is not None and least >= 0 and not any(s.unit for s, _ in size.terms)


def params(*types: Type, hints: Sequence[str] = ()) -> tuple[Value, ...]:
    """Fresh values of the given types."""
    return tuple(Value(t, hints[k] if k < len(hints) else "") for k, t in enumerate(types))
