"""Cotangents that go into a part of their operand's cotangent.

The rule of an op that selects a part returns `into(accumulate, a, ct, *index, path=path)`: on
plain arrays the cotangent itself, on handles an `Into`, which reverse mode adds to what the
operand has already, so that no array of zeros is made for each part that is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stagec.ir.core import Op, Staged
from stagec.ops import creation


@dataclass(frozen=True, slots=True)
class Into:
    """The cotangent `op(zeros, *operands, **attrs)`, for an `op` that adds to its operand 0."""

    op: Op
    operands: tuple[Any, ...]
    attrs: tuple[tuple[str, Any], ...]

    def onto(self, total: Any) -> Any:
        """`total` with the term added."""
        return self.op(total, *self.operands, **dict(self.attrs))


def into(op: Op, like: Any, *operands: Any, **attrs: Any) -> Any:
    """The term `op(zeros, *operands, **attrs)` of the cotangent of the array `like`."""
    term = Into(op, operands, tuple(attrs.items()))
    return term if isinstance(like, Staged) else term.onto(zeros_like(like))


def zeros_like(like: Any) -> Any:
    """Zeros in the shape and dtype of the array `like`."""
    return creation.zeros_like(like, dtype=like.dtype)
