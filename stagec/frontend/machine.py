"""What one staging run shares, and the hooks by which parts of the interpreter call others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gast

from stagec.errors import Loc, StagecError
from stagec.frontend.desugar.scope import FunctionScope
from stagec.frontend.nesting import Nesting
from stagec.frontend.sources import Guard, Source
from stagec.frontend.state import Defs, State, Tree
from stagec.frontend.values import (
    ArrayCell,
    ArrayRef,
    CodeContext,
    Content,
    Known,
    Number,
    Ref,
    Scope,
    StagedItems,
    TupleValue,
    Value,
)
from stagec.ir.core import Const, For, If, Operand, Value as Staged, While
from stagec.ir.function import Function
from stagec.ir.lowering import is_integer
from stagec.ir.types import ArrayType, ListType, Symbol
from stagec.ir.walk import statements, uses
from stagec.ops.arithmetic import Handle

LIMITS = {
    "statements": 20_000,
    "unroll": 4_096,
    "depth": 200,
    "paths": 64,
    "rounds": 24,
    "steps": 100_000,
}


class Restart(Exception):
    """Staging must start again, with one more decision made."""

    def __init__(self, kind: str, key: Any) -> None:
        super().__init__(kind, key)
        self.kind = kind
        self.key = key


class AliasClash(StagecError):
    """A name stands for one of several arrays where only one will do."""


class NeedUnroll(Exception):
    """The body of a loop needs a value at staging that changes from trip to trip."""

    def __init__(self, loops: frozenset[int], error: StagecError) -> None:
        super().__init__(loops)
        self.loops = loops
        self.error = error


class Raised(Exception):
    """The program being staged raises `value` (an exception, or an `ExceptionValue`) here.

    None: nobody catches it, and the code that raises it is in the block already.
    """

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value


@dataclass(slots=True)
class Frame:
    """One activation of a user's function.

    What it yields goes to `consume`, which runs code of the frame `around`, where no names but
    the `needed` are used from then on; `depth` counts the loops over generators around that.
    """

    scope: Scope
    info: FunctionScope
    code: CodeContext
    name: str
    returns: int
    live: dict[int, frozenset[str]]
    head: dict[int, frozenset[str]]
    consume: Callable[[Value, State, Loc], Tree] | None = None
    depth: int = 0
    around: Frame | None = None
    needed: frozenset[str] | None = None

    def loc(self, node: gast.AST) -> Loc:
        """Where the node stands in the user's file."""
        return Loc(
            self.code.file,
            getattr(node, "lineno", 0) or 0,
            getattr(node, "col_offset", 0) or 0,
            getattr(node, "end_lineno", 0) or 0,
            getattr(node, "end_col_offset", 0) or 0,
        )


@dataclass(slots=True)
class Captured:
    """A hidden input: an array, or a number that changes, outside the function."""

    source: Source
    value: Staged
    cell: int | None


@dataclass(slots=True)
class Machine:
    """The context of one staging run."""

    decisions: set[tuple[str, Any]]
    transforms: Any
    defs: Defs = field(default_factory=Defs)
    guards: dict[Source, Guard] = field(default_factory=dict[Source, Guard])
    captured: dict[Source, Captured] = field(default_factory=dict[Source, Captured])
    origin: dict[Staged, tuple[str, Any]] = field(default_factory=dict[Staged, tuple[str, Any]])
    outside: dict[int, tuple[int, Known]] = field(default_factory=dict[int, tuple[int, Known]])
    unflagged: set[int] = field(default_factory=set[int])
    # whether a list was repeated a number of times that only the run time knows
    repeats: bool = False
    # loops with few enough trips to be unrolled
    short: set[int] = field(default_factory=set[int])
    # the staged bounds of loops over ranges and arrays, by their statement: inner loops last
    uncounted: dict[int, tuple[Any, ...]] = field(default_factory=dict[int, tuple[Any, ...]])
    # cells of gradients, which as results are arrays of their own, and the results they became
    own: set[int] = field(default_factory=set[int])
    fresh: set[int] = field(default_factory=set[int])
    errstate: dict[str, str] = field(default_factory=dict[str, str])
    frames: list[Frame] = field(default_factory=list[Frame])
    args: tuple[Any, ...] = ()
    layouts: dict[int, str] = field(default_factory=dict[int, str])
    globals_written: dict[tuple[int, str], int] = field(
        default_factory=dict[tuple[int, str], int]
    )
    global_spaces: dict[int, tuple[dict[str, Any], str]] = field(
        default_factory=dict[int, tuple[dict[str, Any], str]]
    )
    errstates: dict[int, Any] = field(default_factory=dict[int, Any])
    # sources of random numbers that staged code makes (`generators.Made`), by their stand-ins
    generators: dict[int, Any] = field(default_factory=dict[int, Any])
    catching: list[Any] = field(default_factory=list[Any])
    functions: dict[str, Function] = field(default_factory=dict[str, Function])
    entry_arrays: dict[tuple[int, int], tuple[Staged, int]] = field(
        default_factory=dict[tuple[int, int], tuple[Staged, int]]
    )
    # what each array was made as: its memory layout stays, whatever is written to it
    made: dict[int, Operand] = field(default_factory=dict[int, Operand])
    comments: dict[tuple[str, int], tuple[str, ...]] = field(
        default_factory=dict[tuple[str, int], tuple[str, ...]]
    )
    symbol_depth: dict[Symbol, int] = field(default_factory=dict[Symbol, int])
    # by its statement: what each loop carried when it was staged (`beginnings.Carried`), the
    # last time first, and the cell of what it iterates
    carried: dict[int, list[Any]] = field(default_factory=dict[int, "list[Any]"])
    iterated: dict[int, int] = field(default_factory=dict[int, int])
    object_cells: dict[int, bool] = field(default_factory=dict[int, bool])
    # the caller's containers, and what may be one of them since paths joined
    owned: set[int] = field(default_factory=set[int])
    borrowed: set[int] = field(default_factory=set[int])
    constructing: bool = False
    handlers: list[Any] = field(default_factory=list[Any])
    nesting: Nesting = field(default_factory=Nesting)
    names: dict[Staged, str] = field(default_factory=dict[Staged, str])
    argument_names: dict[Staged, str] = field(default_factory=dict[Staged, str])
    size_origin: dict[Symbol, tuple[int, int]] = field(
        default_factory=dict[Symbol, tuple[int, int]]
    )
    # the values of sizes at the first call
    lengths: dict[Symbol, int] = field(default_factory=dict[Symbol, int])
    # and of those that the program may be staged for
    size_values: dict[Symbol, int] = field(default_factory=dict[Symbol, int])
    shared_cells: dict[int, Content] = field(default_factory=dict[int, Content])
    steps: int = 0
    cells: int = 0
    symbols: int = 0
    entry: State | None = None
    run: Callable[..., Tree] = field(init=False)
    call: Callable[..., Tree] = field(init=False)
    evaluate: Callable[..., Value] = field(init=False)
    assign: Callable[..., Tree] = field(init=False)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What `Interpreter` adds: its parts call it without importing it."""

    # -- cells ----------------------------------------------------------------------------

    def new_cell(self, state: State, content: Content) -> int:
        """The number of a fresh cell with the content."""
        self.cells += 1
        state.cells[self.cells] = content
        if isinstance(content, ArrayCell) and not content.shares:
            self.made[self.cells] = content.operand
        return self.cells

    def new_array(self, state: State, operand: Operand) -> ArrayRef:
        """A reference to a fresh array with the content."""
        return ArrayRef(self.new_cell(state, ArrayCell(operand)))

    def symbol(self, prefix: str = "s", unit: bool = True, depth: int = 0) -> Symbol:
        """A fresh size symbol, of a size that is found in a block so deep."""
        self.symbols += 1
        made = Symbol(f"{prefix}{self.symbols}", unit)
        self.symbol_depth[made] = depth
        return made

    # -- names ----------------------------------------------------------------------------

    def name(self, value: Operand, name: str) -> None:
        """Call a staged value by the user's name, if it has none yet."""
        if isinstance(value, Staged) and name and not value.hint and not name.startswith("."):
            self.names.setdefault(value, name)

    def name_argument(self, value: Operand, name: str) -> None:
        """Call a staged value by the parameter that it is given to, if nothing else does."""
        if isinstance(value, Staged) and not value.hint and not is_integer(value.type):
            self.argument_names.setdefault(value, name)

    def name_of(self, value: Operand) -> str:
        """The user's name of a staged value, or empty."""
        return self.names.get(value, value.hint) if isinstance(value, Staged) else ""

    # -- handles --------------------------------------------------------------------------

    def handle(self, state: State, operand: Operand) -> Handle:
        """A handle to use the operand in the block of `state`."""
        return Handle(state.builder, operand)

    def wrap(self, state: State, result: Any) -> Value:
        """The abstract value for what an op returned."""
        from_handle = result.operand if isinstance(result, Handle) else result
        if isinstance(result, tuple | list):
            return TupleValue(tuple(self.wrap(state, r) for r in result))
        if isinstance(from_handle, Const):
            return Known(from_handle.value)
        if not isinstance(from_handle, Staged):
            return Known(from_handle)
        kind = from_handle.type
        if isinstance(kind, ArrayType) and kind.kind == "array":
            return self.new_array(state, from_handle)
        if isinstance(kind, ListType):
            return Ref(self.new_cell(state, StagedItems(from_handle)), list)
        return Number(from_handle)

    # -- captured values ------------------------------------------------------------------

    def keep(self, known: Known) -> Any:
        """The value of `known`, relied on to be this object: another one restages."""
        if known.source is not None and known.source not in self.guards:
            self.guards[known.source] = Guard(known.source, known.value)
        return known.value

    def decided(self, kind: str, key: Any) -> bool:
        """Whether the decision was made before this run started."""
        return (kind, key) in self.decisions

    def parts(self, axis: tuple[int, int]) -> int:
        """Into how many equal parts the program divides the axis of an argument."""
        keys = (key for kind, key in self.decisions if kind == "multiple")
        return max((parts for at, parts in keys if at == axis), default=1)

    def spend(self, loc: Loc | None) -> None:
        """Account for a step of staging; raises StagecError when the budget is used up."""
        self.steps += 1
        if self.defs.count > LIMITS["statements"] or self.steps > LIMITS["steps"]:
            raise StagecError(
                "SC301", f"staging needs more than {LIMITS['statements']} statements", loc,
                "let loops run over arrays or ranges, with state of one type, so that they are "
                "not unrolled",
            )  # fmt: skip

    @contextmanager
    def entered(self, frame: Frame, loc: Loc | None) -> Iterator[None]:
        """While a user's function is being entered."""
        if len(self.frames) >= LIMITS["depth"]:
            raise StagecError(
                "SC302", f"calls nest deeper than {LIMITS['depth']} while staging {frame.name}",
                loc, "end it on values known at staging, or loop over a list of open tasks",
            )  # fmt: skip
        with self.resumed(frame):
            yield

    @contextmanager
    def resumed(self, frame: Frame) -> Iterator[None]:
        """While code of the frame runs."""
        self.frames.append(frame)
        try:
            yield
        finally:
            self.frames.pop()

    # -- values needed at staging ---------------------------------------------------------

    def need_known(self, state: State, value: Value, loc: Loc | None, what: str) -> Any:
        """The Python value of a number, or a tuple of such; restages if that makes it known."""
        if isinstance(value, Known):
            return self.guard(value)
        if isinstance(value, TupleValue):
            items = [self.need_known(state, v, loc, what) for v in value.items]
            return tuple(items) if value.cls is None else value.cls(*items)
        operand = value.operand if isinstance(value, Number) else None
        if isinstance(operand, Const):
            return operand.value
        error = StagecError(
            "SC303", f"{what} must be known at staging", loc,
            "pass it as a static argument (static_argnames, Static[...]) or stage it "
            "differently",
        )  # fmt: skip
        if operand is None:
            raise error
        roots = self.roots(operand)
        unroll = frozenset(key for kind, key in roots if kind == "loop")
        for kind, key in sorted(roots, key=repr):
            if kind in ("int", "size"):
                raise Restart(kind, key)
        for key in self.makers(roots):
            raise Restart("unroll", key)
        roots = {root for root in roots if root[0] != "made"}
        sizes = set(self.size_origin.values())
        for kind, key in roots:
            wanted = sorted(s for s in sizes if kind == "array" and s[0] == key)
            if wanted and all(k in ("array", "size") for k, _ in roots):
                raise Restart("size", wanted[0])
        if unroll and all(kind == "loop" for kind, _ in roots) and not self.rolled(unroll):
            raise NeedUnroll(unroll, error)
        raise error

    def symbols_of(self, value: Staged) -> list[tuple[int, int]]:
        """The argument axes whose sizes an integer is made of, if it is."""
        known = value.type.size if isinstance(value.type, ArrayType) else None
        if known is None:
            return []
        symbols = [s for s, _ in known.terms]
        if not all(s in self.size_origin for s in symbols):
            return []
        return [self.size_origin[s] for s in symbols]

    def unrollable(self, operand: Operand) -> bool:
        """Whether an integer depends on loops alone, so that unrolling makes it known."""
        roots = {root for root in self.roots(operand) if root[0] != "made"}
        return bool(roots) and all(
            kind == "loop"
            and not self.rolled({key})
            and not any(self.uncounted.get(key, ())[-1:])
            for kind, key in roots
        )

    def makers(self, roots: Set[tuple[str, Any]]) -> list[int]:
        """The short loops that made a value of these roots: unrolling may make it known."""
        if not {kind for kind, _ in roots} <= {"loop", "made"}:
            return []
        made = sorted({key for kind, key in roots if kind == "made"} & self.short)
        return [key for key in made if not self.decided("unroll", key)]

    def rolled(self, loops: Set[int]) -> bool:
        """Whether all these loops are known to stay loops: they could not be unrolled."""
        return all(self.decided("rolled", key) for key in loops)

    def roots(self, operand: Operand) -> set[tuple[str, Any]]:
        """What makes the operand staged: arguments, sizes, loops, loops that made it, data."""
        found: set[tuple[str, Any]] = set()
        seen: set[Staged] = set()
        work: list[Operand] = [operand]
        while work:
            value = work.pop()
            if not isinstance(value, Staged) or value in seen:
                continue
            seen.add(value)
            if value in self.origin:
                found.add(self.origin[value])
                continue
            if symbols := self.symbols_of(value):
                found.update(("size", s) for s in symbols)
                continue
            stmt = self.defs.producer.get(value)
            if stmt is None:
                found.add(("data", value.hint))
                continue
            if isinstance(stmt, For) and stmt.body.params[0] in self.origin:
                found.add(("made", self.origin[stmt.body.params[0]][1]))
                tests = (s for s in statements(stmt.body) if isinstance(s, If | While))
                chosen = any(isinstance(o.type, ListType) for s in tests for o in s.outs)
                if isinstance(value.type, ListType) and not chosen and self.makers(found):
                    continue  # its length is asked for, which is known once that is unrolled
            work += uses(stmt)
        return found
