"""Building blocks statement by statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stagec.errors import Loc
from stagec.ir.core import Apply, Attrs, Block, Op, Operand, Stmt, Value
from stagec.ir.types import Type


@dataclass(slots=True)
class Builder:
    """Collects the statements of one block; `loc` is given to each of them."""

    stmts: list[Stmt] = field(default_factory=list[Stmt])
    loc: Loc | None = None
    _producers: dict[Value, Apply] = field(default_factory=dict[Value, Apply])

    def add(
        self, op: Op, args: Sequence[Operand], attrs: dict[str, Any], hint: str = ""
    ) -> tuple[Value, ...]:
        """Append `op(*args, **attrs)` and return its results."""
        types = op.infer(*(a.type for a in args), **attrs)
        types = types if isinstance(types, tuple) else (types,)
        outs = tuple(Value(t, hint) for t in types)
        stmt = Apply(op, tuple(args), freeze(attrs), outs, self.loc)
        self.stmts.append(stmt)
        self._producers.update(dict.fromkeys(outs, stmt))
        return outs

    def producer(self, value: Operand) -> Apply | None:
        """The op of this block that computed `value`, if it was one."""
        return self._producers.get(value) if isinstance(value, Value) else None

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


def params(*types: Type, hints: Sequence[str] = ()) -> tuple[Value, ...]:
    """Fresh values of the given types."""
    return tuple(Value(t, hints[k] if k < len(hints) else "") for k, t in enumerate(types))
