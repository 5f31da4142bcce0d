"""What operations raise at run time, where the program would catch it.

    try:                                if y == 0:
        q = x / y                           q = 0.0
    except ZeroDivisionError:    ->     else:
        q = 0.0                             q = x / y

An op that may raise what a handler catches ends the step that is being staged: the step goes on
as two paths, one on which the exception is in flight, and one on which the op is known not to
raise, which runs the step anew.  Where nothing tells beforehand whether the op raises, it is
tried (`ops.attempts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from stagec.errors import Loc, StagecError
from stagec.frontend.machine import Machine
from stagec.frontend.state import BlockBuilder, Branch, Exit, Leaf, State, Tree
from stagec.frontend.values import ExceptionValue, Known, Number
from stagec.ir.core import Const, Effect, Op, Operand, Value, operand_of
from stagec.ir.types import BOOL, ArrayType
from stagec.ops.arithmetic import Handle
from stagec.ops.attempts import attempt, may_be_tried, tried
from stagec.ops.cast import to_python

Classes: TypeAlias = tuple[type[BaseException], ...]
# a staged condition, and what is raised where it holds
Fork: TypeAlias = tuple[Operand, ExceptionValue]


class Splits(Exception):
    """The step goes on as several paths, told apart by conditions."""

    def __init__(self, forks: list[Fork]) -> None:
        super().__init__(forks)
        self.forks = forks


@dataclass(slots=True)
class Passed:
    """An op that does not raise here: what it was tried with, and gave, if it was tried."""

    args: tuple[Operand, ...] = ()
    given: tuple[Value, ...] = ()


@dataclass(slots=True)
class Watch:
    """Looks at each op of one step.

    Attributes
    ----------
    depth : of the block in which the step can be split.
    passed : the ops, in order, on which the step has been split already.
    seen : how many of them this run of the step has met.
    acted : whether it has had an effect, which must not happen again.
    """

    machine: Machine
    depth: int
    passed: list[Passed]
    seen: int = 0
    acted: bool = False

    def look(
        self, builder: BlockBuilder, op: Op, args: tuple[Operand, ...], attrs: dict[str, Any]
    ) -> tuple[Value, ...] | None:
        """The results of an op that was tried; None: it is to be added as any other."""
        errors = self.errors(op, args, attrs)
        if not errors:
            self.acted |= op.effect is Effect.ORDERED
            return None
        if self.seen < len(self.passed):
            passed = self.passed[self.seen]
            self.seen += 1
            if not passed.given:
                return None
            operands = (*passed.given, *passed.args)
            with unwatched(self.machine):
                return builder.add(tried, operands, {"op": op, "options": frozen(attrs)})
        with unwatched(self.machine):
            self.split(builder, op, args, attrs, errors)
        self.seen += 1
        return None

    def errors(self, op: Op, args: tuple[Operand, ...], attrs: dict[str, Any]) -> Classes:
        """What the op may raise that is caught, subclasses first."""
        if op.effect is not Effect.NONE and op.failing is None:
            return ()
        caught = tuple(c for classes in self.machine.handlers for c in classes)
        found = [*op.exceptions(args, attrs)]
        if "raise" in self.machine.errstate.values() and computes(op, args, attrs):
            found.append(FloatingPointError)
        errors = {e for e in found if issubclass(e, caught) and e is not MemoryError}
        return tuple(sorted(errors, key=lambda e: (-len(e.__mro__), e.__name__)))

    def split(
        self, builder: BlockBuilder, op: Op, args: tuple[Operand, ...], attrs: dict[str, Any],
        errors: Classes,
    ) -> None:  # fmt: skip
        """Split the step, unless the op surely does not raise."""
        told = self.told(builder, op, args, attrs, errors)
        if told is not None:
            forks = [f for f in told if not (isinstance(f[0], Const) and not f[0].value)]
            if not forks:
                self.passed.append(Passed())
                return
            self.allow(builder, op, errors)
            self.passed.append(Passed())
            raise Splits(forks)
        self.allow(builder, op, errors)
        if op.overwrites is not None or op.aliased(attrs) is not None:
            self.refuse(builder, op, errors)
        options = {"op": op, "options": frozen(attrs), "errors": errors}
        outs = builder.add(attempt, args, options)
        count = len(outs) - len(errors) - 1
        again = count == 1 and may_be_tried(op)
        self.passed.append(Passed(args, outs[:1]) if again else Passed())
        raise Splits(
            [
                (flag, ExceptionValue(error, (Number(outs[-1]),)))
                for flag, error in zip(outs[count:-1], errors, strict=True)
            ]
        )

    def told(
        self, builder: BlockBuilder, op: Op, args: tuple[Operand, ...], attrs: dict[str, Any],
        errors: Classes,
    ) -> list[Fork] | None:  # fmt: skip
        """When the op raises which of the errors; None where nothing tells."""
        handles = [a.value if isinstance(a, Const) else Handle(builder, a) for a in args]
        found = None if op.failing is None else op.failing(*handles, **attrs)
        if found is None or not {*errors} <= {error for error, _, _ in found}:
            return None
        return [
            (truth(builder, condition), ExceptionValue(error, tuple(map(value_of, texts))))
            for error, texts, condition in found
            if error in errors
        ]

    def allow(self, builder: BlockBuilder, op: Op, errors: Classes) -> None:
        """Refuse to split where the step cannot be run again."""
        if builder.depth != self.depth or self.acted:
            self.refuse(builder, op, errors)

    def refuse(self, builder: BlockBuilder, op: Op, errors: Classes) -> None:
        """Refuse the op."""
        raise StagecError(
            "SC392", f"{op.name} may raise {errors[0].__name__} at run time here, "
            "which would be caught", builder.loc,
            "assign its operands to variables first, or test for it beforehand",
        )  # fmt: skip


def computes(op: Op, args: tuple[Operand, ...], attrs: dict[str, Any]) -> bool:
    """Whether the op computes new numbers from floating-point ones."""
    types = (a.type for a in args)
    inexact = any(isinstance(t, ArrayType) and t.dtype.kind in "fc" for t in types)
    return inexact and op.overwrites is None and op.aliased(attrs) is None


def frozen(attrs: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Attributes as an attribute."""
    return tuple(sorted(attrs.items()))


def value_of(text: Any) -> Known | Number:
    """An argument of an exception."""
    operand = operand_of(text)
    return Known(operand.value) if isinstance(operand, Const) else Number(operand)


def truth(builder: BlockBuilder, condition: Any) -> Operand:
    """The condition as a Python bool."""
    operand = operand_of(condition)
    if isinstance(operand, Const) or operand.type == BOOL:
        return operand
    return operand_of(to_python(Handle(builder, operand), kind="bool"))


@contextmanager
def unwatched(m: Machine) -> Iterator[None]:
    """While ops are added that raise nothing which the program would catch."""
    before, m.defs.watch = m.defs.watch, None
    try:
        yield
    finally:
        m.defs.watch = before


def watched(
    m: Machine, step: Callable[[State], Tree], state: State, passed: list[Passed] | None = None
) -> Tree:
    """The paths after the step, those on which an operation of it raises included."""
    if not any(m.handlers):
        with unwatched(m):
            return step(state)
    cells, loc = dict(state.cells), state.builder.loc
    watch = Watch(m, state.builder.depth, passed or [])
    before, m.defs.watch = m.defs.watch, watch
    try:
        return step(state)
    except Splits as splits:
        forks = splits.forks
    finally:
        m.defs.watch = before
    state.cells = cells
    return forked(m, step, state, forks, watch.passed, state.builder.loc or loc)


def forked(
    m: Machine, step: Callable[[State], Tree], state: State, forks: list[Fork],
    passed: list[Passed], loc: Loc | None,
) -> Tree:  # fmt: skip
    """A path for each of the exceptions, and the step run again on the one without."""
    if not forks:
        return watched(m, step, state, passed)
    (condition, raised), *rest = forks
    if isinstance(condition, Const):
        return Leaf(state, Exit.RAISE, raised)
    other = forked(m, step, state.fork(), rest, passed, loc)
    return Branch(state, condition, Leaf(state.fork(), Exit.RAISE, raised), other, loc)
