"""What bufferisation decides: where copies go, and why."""

from __future__ import annotations

from dataclasses import dataclass, field

from stagec.errors import Loc
from stagec.ir.core import For, Stmt, Value, While


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that had to be made.

    Attributes
    ----------
    loc : the statement that it stands before; None at the end of the function.
    name : the user's name for what is copied; may be empty.
    reason : why, in words.
    in_loop : whether it is made in every trip of a loop.
    """

    loc: Loc | None
    name: str
    reason: str
    in_loop: bool


@dataclass(slots=True)
class Saved:
    """A value copied before a statement, because its memory is overwritten in it.

    `after`: the statement itself still gets the original as an operand.
    """

    after: bool
    record: Copy


@dataclass(frozen=True, slots=True)
class CopyResult:
    """The result at these positions is copied, with all that it refers to."""

    positions: tuple[int, ...]
    record: Copy


@dataclass(frozen=True, slots=True)
class WriteBack:
    """The result is written to the parameter, as a whole; `positions` all become that."""

    param: int
    result: int
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """The parameters that a result may share memory with, and whether it may be read-only."""

    params: frozenset[int]
    fixed: bool


@dataclass(slots=True)
class Plan:
    """The copies of one function.

    Attributes
    ----------
    saved : before a statement, the values to copy; later uses are of the copy.
    inits : (loop, position of a carry) whose initial value is copied.
    operands : (statement, position) of operands that are copied before they are overwritten.
    stored : (statement, position) of lists that are copied to become elements of a list.
    end : what is done after the last statement, in order.
    shares : what each result may share.
    """

    saved: dict[Stmt, dict[Value, Saved]] = field(
        default_factory=dict[Stmt, dict[Value, Saved]]
    )
    inits: dict[tuple[For | While, int], Copy] = field(
        default_factory=dict[tuple[For | While, int], Copy]
    )
    operands: dict[tuple[Stmt, int], Copy] = field(default_factory=dict[tuple[Stmt, int], Copy])
    stored: dict[tuple[Stmt, int], Copy] = field(default_factory=dict[tuple[Stmt, int], Copy])
    end: list[CopyResult | WriteBack] = field(default_factory=list[CopyResult | WriteBack])
    shares: tuple[Shared, ...] = ()
