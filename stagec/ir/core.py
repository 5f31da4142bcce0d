"""The data model of the graph.

A `Function` holds one `Block`; a block is a sequence of statements in SSA form.  There are five
kinds of statement: code that must treat all of them uses `match` and ends in `assert_never`.
Ops are open: a new op is a new `Op` object, and code that differs by op reads the op's fields.
Regions may use values of the enclosing blocks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

import numpy as np

from stagec.errors import Loc
from stagec.ir.path import Path
from stagec.ir.types import ArrayType, Dim, Type, type_of


class Effect(Enum):
    """What an op does besides computing its results."""

    NONE = "none"
    CHECK = "check"  # raises under a condition: kept, and kept in order
    ORDERED = "ordered"  # prints, draws, calls the host: kept, in order, never repeated


class Cost(Enum):
    """What computing the op again costs in a backward pass."""

    FREE = 0  # views, index arithmetic, casts of numbers
    CHEAP = 1  # one pass of simple arithmetic
    COSTLY = 2  # anything else: store the result


class Library(Enum):
    """Marks an op without a template on elements.

    LIBRARY: it is a call of the library, which no kernel can make.  NATIVE: its NumPy source
    means the same in a kernel.
    """

    LIBRARY = "library"
    NATIVE = "native"


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Marks an op that only moves elements.

    `rule` takes the index of an element of the result and the attributes, and returns the index
    of that element in operand 0, with None for 0; or None for all of it where that cannot be
    said.  `native` says whether the NumPy source of
    the op means the same in a kernel.
    """

    rule: Callable[..., tuple[Any, ...] | None]
    native: bool


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """How a reduction is computed element by element.

    Attributes
    ----------
    axes : the axes of the operand that are folded.
    combine : the op on what was folded so far and an element.
    start : what the first element is combined with.
    finish : (folded, count) -> result, written in ops, where `count` is the number of elements
        folded; None if the result is what was folded.
    """

    axes: tuple[int, ...]
    combine: Op
    start: Any
    finish: Callable[[Any, Any], Any] | None


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Marks a reduction of its only operand.

    `rule` takes the type of the operand and the attributes and returns a `Fold`, or None where
    the reduction has no form in a kernel.
    """

    rule: Callable[..., Fold | None]


@dataclass(frozen=True, slots=True, eq=False)
class Calls:
    """Marks an op that compiled code computes from whole arrays.

    Attributes
    ----------
    rule : (*types, **attrs) -> the template of the call, or LIBRARY where there is none.
    path : (**attrs) -> the path that the op takes into operand 0; None if it takes none.
    """

    rule: Callable[..., str | Library]
    path: Callable[..., Path] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Expands:
    """Marks an op that compiled loops write in simpler ops.

    Attributes
    ----------
    rule : (*types, **attrs) -> a function of the operands and the attributes, or None where the
        op is not written in simpler ones.
    otherwise : what the op is then; None: a call of the library.
    anywhere : whether it is worth that outside of compiled loops too, to join loops around it.
    """

    rule: Callable[..., Callable[..., Any] | None]
    otherwise: Calls | None = None
    anywhere: bool = False


LIBRARY, NATIVE = Library.LIBRARY, Library.NATIVE


class Staged(ABC):
    """A handle on a value of the block being built; see `stagec.ops.arithmetic.Handle`."""

    __slots__ = ()

    @abstractmethod
    def apply(self, op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        """Append `op(*args, **attrs)` to the block and return handles on the results."""

    @property
    @abstractmethod
    def operand(self) -> Operand:
        """The operand behind the handle."""


# what is not said by a template on numbers
Structured: TypeAlias = Library | Moves | Folds | Calls | Expands
Scalar: TypeAlias = str | Structured | Callable[..., str | Library]


def _holds_staged(arg: Any) -> bool:
    """Whether a staged value is in a list or tuple."""
    return issubclass(type(arg), (list, tuple)) and any(
        isinstance(a, Staged) or _holds_staged(a) for a in arg
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Op:
    """One operation and every rule the compiler has for it.

    No rule has a default: a new op states each of them or says `None` in so many words.

    Attributes
    ----------
    name : its name in the text form, NumPy's where there is one.
    calls : (callable, binder) pairs: the NumPy, `math`, builtin or operator functions that the
        op is the meaning of, each with a function of the callable's own signature that binds
        operands and attributes and applies the op.  It gets handles and plain Python values.
    infer : (*types, **attrs) -> type, or a tuple of them for an op with several results.
        Raises `TypeError` naming what is wrong.
    value : (*arrays, **attrs) -> array(s).  Reference semantics; never writes to its operands.
    vjp : (ct, out, *args, **attrs) -> one cotangent or None per operand; None if the op is
        constant almost everywhere.  Written in ops, so it runs on arrays and on handles.
        For several results `ct` and `out` are tuples (entries of `ct` may be None).
    jvp : (tangents, out, *args, **attrs) -> tangent; `tangents` has one entry or None per
        operand.  Not derived from `vjp`: each tests the other.  None as for `vjp`.
    expand : (*args, **attrs) -> handle, the op written in simpler ops; differentiation uses it
        instead of `vjp` and `jvp`.  None for a primitive.
    batch : (args, axes, **attrs) -> (result, axis): the op over arguments with an extra axis.
    source : template of the NumPy expression with `{}` (or `{0}`, `{1}`...) for the operands,
        or a function of (*types, **attrs) returning one.
    scalar : template of the expression on one element in a kernel, LIBRARY or NATIVE, or a
        function of (*types, **attrs) returning one of these.  A template may only raise what
        the op raises.  Or `Moves`, `Folds`, `Calls` or `Expands`.
    alias : the operand whose memory the result may share, or None: a fresh result; or a
        function of (**attrs) returning that.
    overwrites : the operand whose memory the op turns into its result (`update`,
        `accumulate`, appending to a list), or None.  `source` is then a statement.
    may_raise : exceptions that it may raise, or a function of (*operands, **attrs) returning
        them: what a constant says counts.
    effect : see `Effect`.
    cost : see `Cost`; or a function of (*operands) returning it.
    rewrites : local simplifications, each (*args, **attrs) -> handle, operand or None: do not
        apply.  The first that applies wins.
    shapes : the operands of which only the shape is read, as of `like` in `zeros_like(like)`:
        they never need to be kept for their contents.
    lenient : the operands that may be unset (`Undef`), as they are only passed on.
    neutral : the number that the op leaves another as it is with, of the steps of reductions
        that may be taken in any order; None for all other ops.
    measure : (*numbers) -> the result of integers as a size, None where it is none; operands
        that are sizes themselves come as such.  None: the op does not compute sizes.
    batch_last : (args, wide, **attrs) -> result: as `batch`, with the extra axis last in the
        arguments that `wide` says have it, and in the result, or None: this one cannot.  None:
        axes have to be moved for `batch`.
    alone : as `scalar`, for a kernel that surely computes one element at a time: where that is
        faster in another way.  None: as `scalar`.
    noun : what generated code calls a result that the user gave no name; empty: nothing tells.
    failing : (*args, **attrs) -> (error, arguments of it, condition) in the order in which that
        is noticed: when the op raises, written in ops.  Of an error of `may_raise` that is not
        among them, or if it is None, nothing tells beforehand.
    flat : (*args, **attrs) -> the operands that have to be flat for the result to be: never
        negative, and without a slope where it is zero, as squares, which need none.  None, or
        None as result: nothing tells.
    any_width : whether `scalar`, of integers of 64 bits, says what the op does with narrower
        ones, but for the width of the result, to which kernels cut it.
    """

    name: str
    calls: tuple[tuple[Any, Callable[..., Any]], ...]
    infer: Callable[..., Type | tuple[Type, ...]]
    value: Callable[..., Any]
    vjp: Callable[..., tuple[Any, ...]] | None
    jvp: Callable[..., Any] | None
    expand: Callable[..., Any] | None
    batch: Callable[..., tuple[Any, Any]] | None
    source: str | Callable[..., str]
    scalar: Scalar
    alias: int | Callable[..., int | None] | None
    overwrites: int | None
    may_raise: tuple[type[BaseException], ...] | Callable[..., tuple[type[BaseException], ...]]
    effect: Effect
    cost: Cost | Callable[..., Cost]
    rewrites: tuple[Callable[..., Any], ...]
    shapes: tuple[int, ...] = ()
    lenient: tuple[int, ...] = ()
    neutral: float | None = None
    measure: Callable[..., Dim] | None = None
    batch_last: Callable[..., Any] | None = None
    alone: Scalar | None = None
    noun: str = ""
    any_width: bool = False
    failing: Callable[..., Any] | None = None
    flat: Callable[..., tuple[Any, ...] | None] | None = None

    def __call__(self, *args: Any, **attrs: Any) -> Any:
        """Append the op to the block being built, or run it if no argument is staged."""
        for arg in args:
            if isinstance(arg, Staged):
                return arg.apply(self, args, attrs)
        if any(map(_holds_staged, args)):
            raise TypeError(f"{self.name}: a list of staged values is not an operand")
        return self.value(*args, **attrs)

    def exceptions(
        self, args: Iterable[Operand], attrs: dict[str, Any]
    ) -> tuple[type[BaseException], ...]:
        """What the op may raise for these operands."""
        found = self.may_raise
        return found(*args, **attrs) if callable(found) else found

    def aliased(self, attrs: dict[str, Any]) -> int | None:
        """The operand that the result may share memory with, or None."""
        return self.alias(**attrs) if callable(self.alias) else self.alias

    def __repr__(self) -> str:
        return f"<op {self.name}>"


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """An SSA name.  Values compare by identity; `hint` only guides printing.

    `hint` is the user's name for it, or empty for a nameless intermediate.
    """

    type: Type
    hint: str = ""

    def __repr__(self) -> str:
        return f"<{self.hint or 'value'}: {self.type}>"


@dataclass(frozen=True, slots=True, eq=False)
class Const:
    """A number or string known at staging; equal if type and bits are equal."""

    value: Any
    type: Type

    @property
    def key(self) -> tuple[str, Type]:
        """What makes two constants equal: -0.0 is not 0.0, nan is nan, True is not 1."""
        array: Any = self.value  # not narrowed to an array of unknown dtype
        if isinstance(self.value, np.ndarray):
            return repr((array.tobytes(), array.shape)), self.type
        return repr(self.value), self.type

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, slots=True)
class Undef:
    """A value that is not set on this path and never read on it."""

    type: Type


Operand: TypeAlias = Value | Const | Undef


def const(value: Any) -> Const:
    """The constant for a Python or NumPy scalar or a string."""
    return Const(value, type_of(value))


def zero(kind: ArrayType) -> Const:
    """Zero as a number of this dtype, Python's or else NumPy's."""
    value = kind.dtype.type(0)
    return const(value.item() if kind.kind == "py" else value)


Attrs: TypeAlias = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Apply:
    """`outs = op(*args, **attrs)`; `attrs` are sorted by name and hashable."""

    op: Op
    args: tuple[Operand, ...]
    attrs: Attrs
    outs: tuple[Value, ...]
    loc: Loc | None = None

    @property
    def out(self) -> Value:
        """The only result."""
        (out,) = self.outs
        return out

    @property
    def kwargs(self) -> dict[str, Any]:
        """The attributes as keyword arguments."""
        return dict(self.attrs)

    @property
    def raises(self) -> bool:
        """Whether it may raise."""
        return bool(self.op.exceptions(self.args, self.kwargs))

    @property
    def cost(self) -> Cost:
        """What computing it again costs."""
        found = self.op.cost
        return found(*self.args) if callable(found) else found


@dataclass(frozen=True, slots=True, eq=False)
class If:
    """`outs = then() if cond else orelse()`; the branches take no parameters."""

    cond: Operand
    then: Block
    orelse: Block
    outs: tuple[Value, ...]
    loc: Loc | None = None


@dataclass(frozen=True, slots=True, eq=False)
class For:
    """`outs` is the carry after running `body(i, *carry)` for i in range(lo, hi, step).

    `reverse` runs the same indices from last to first.  With `until`, the last result of the
    body is a bool, tested after each trip: True ends the loop; `trips` is then the number of
    trips made.  `carry` has one entry per `init`.  In a `free` loop the order in which numbers
    are added up is free: that of a backward pass, which no program says.  So it is in a loop
    over `parts` of an axis that array statements go along.
    """

    lo: Operand
    hi: Operand
    step: Operand
    init: tuple[Operand, ...]
    body: Block
    carry: tuple[Value, ...]
    until: bool = False
    reverse: bool = False
    trips: Value | None = None
    loc: Loc | None = None
    free: bool = False
    parts: bool = False

    @property
    def outs(self) -> tuple[Value, ...]:
        """The final carry, then the trip count if there is one."""
        return self.carry if self.trips is None else (*self.carry, self.trips)


@dataclass(frozen=True, slots=True, eq=False)
class While:
    """`outs` is the carry after running `body(*carry)` as long as `cond(*carry)` is true.

    With `until`, the last result of the body is a bool, tested after each trip.  `trips` is
    the number of trips made, if asked for.
    """

    init: tuple[Operand, ...]
    cond: Block
    body: Block
    carry: tuple[Value, ...]
    until: bool = False
    trips: Value | None = None
    loc: Loc | None = None

    @property
    def outs(self) -> tuple[Value, ...]:
        """The final carry, then the trip count if there is one."""
        return self.carry if self.trips is None else (*self.carry, self.trips)


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """`outs = function(*args)`, by name: functions may call themselves and each other.

    With `work` the first two arguments are a range of trips, and the call may be made in parts
    of it: `work` is roughly how many operations on elements they take together.  `combine` has
    the op for each result that makes one of those of two parts.  Trips are `step` apart.
    """

    function: str
    args: tuple[Operand, ...]
    outs: tuple[Value, ...]
    loc: Loc | None = None
    work: Operand | None = None
    combine: tuple[Op, ...] = ()
    step: int = 1


Stmt: TypeAlias = Apply | If | For | While | Call


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Parameters, statements in order, and results.

    `free` is what `walk.free_values` found, which many passes ask for again and again.
    """

    params: tuple[Value, ...]
    stmts: tuple[Stmt, ...]
    results: tuple[Operand, ...]
    free: list[Mapping[Value, None]] = field(
        default_factory=list[Mapping[Value, None]], init=False, repr=False
    )


def operand_of(value: Any) -> Operand:
    """The operand behind a handle, or the constant for a plain number or string."""
    if isinstance(value, Staged):
        return value.operand
    if isinstance(value, Value | Const | Undef):
        return value
    return const(value)


def known(value: Any) -> Any:
    """The value of a constant or of a plain number; None if it is staged."""
    operand = operand_of(value)
    return operand.value if isinstance(operand, Const) else None
