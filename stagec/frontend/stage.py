"""Staging a function: from Python arguments to a graph, and what is needed to run it."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stagec.errors import Loc, StagecError
from stagec.frontend import results
from stagec.frontend.arguments import Flat, Inputs
from stagec.frontend.calls import function_value
from stagec.frontend.depth import deep
from stagec.frontend.ending import Ending
from stagec.frontend.interpreter import Interpreter
from stagec.frontend.machine import Machine, NeedUnroll, Raised, Restart
from stagec.frontend.names import with_names
from stagec.frontend.sources import Guard, Source
from stagec.frontend.state import RESULT, BlockBuilder, State
from stagec.frontend.unify import REPEATS, TEXTS, DifferentTexts
from stagec.frontend.values import (
    ArrayCell,
    Known,
    Value,
)
from stagec.ir.asked import Asked
from stagec.ir.core import Block, Operand
from stagec.ir.function import Function

RESTARTS = 40


@dataclass(frozen=True, slots=True)
class Program:
    """A staged function.

    Attributes
    ----------
    function : the graph; its parameters are the run-time leaves in `leaves`, then the captured
        inputs in `captured`.
    outcome : how to make the result, and the changes to the caller's objects.
    guards : the captured values relied on.
    decisions : what staging had to know besides the types of the arguments.
    written : the leaves whose arrays the function writes to.
    comments : the user's comments in the functions entered, by file and line.
    asked : what was asked about the lengths of the arguments.
    """

    function: Function
    leaves: tuple[int, ...]
    captured: tuple[Source, ...]
    outcome: results.Outcome
    guards: tuple[Guard, ...]
    decisions: frozenset[tuple[str, Any]]
    written: tuple[int, ...]
    comments: Mapping[tuple[str, int], tuple[str, ...]]
    asked: Asked


@dataclass(frozen=True, slots=True)
class Request:
    """What to stage: the function, its arguments, and which of them are static as a whole."""

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    static: frozenset[str]
    distinct: bool = False
    merge_sizes: bool = False

    def code(self) -> Any:
        """The code of the user's function; None if it has none."""
        return getattr(user_function(self.function), "__code__", None)

    def loc(self) -> Loc | None:
        """Where the user's function is defined."""
        code = self.code()
        if code is None:
            return None
        return Loc(code.co_filename, code.co_firstlineno)

    def names(self) -> list[str]:
        """The parameter names of the positional arguments."""
        code = self.code()
        if code is None:
            return [f"arg{k}" for k in range(len(self.args))]
        bound = inspect.ismethod(user_function(self.function))
        own = code.co_varnames[int(bound) : code.co_argcount]
        extra = (f"{(*code.co_varnames, 'args')[len(own)]}_{k}" for k in range(len(self.args)))
        return [*own, *extra][: len(self.args)]


def user_function(function: Any) -> Any:
    """The function of the user's whose parameters a transform of it has."""
    while hasattr(function, "operand"):
        function = function.operand
    return function


def stage(request: Request, decisions: set[tuple[str, Any]], transforms: Any) -> Program:
    """The staged program, restaged as often as stage 0 finds that it must know more."""
    given = set(decisions)
    with deep():
        for _ in range(RESTARTS):
            m = Interpreter(decisions, transforms)
            try:
                return attempt(m, request)
            except Restart as restart:
                decisions.add((restart.kind, restart.key))
            except NeedUnroll as need:
                decisions |= {("rolled", loop) for loop in need.loops}
            except Raised as raised:
                raise raised.value from None
            except StagecError as error:
                other = other_way(m, error)
                if other is not None:
                    decisions &= given  # its loops need not be unrolled now
                    decisions.add(other)
                    continue
                raise error.at(request.loc()) from error.__cause__
    raise StagecError("SC405", "staging does not settle", None, "pass more arguments as static")


def other_way(m: Interpreter, error: StagecError) -> tuple[str, Any] | None:
    """The decision with which what failed may be staged, if there is one."""
    if TEXTS not in m.decisions and texts_differ(error):
        return TEXTS
    return REPEATS if m.repeats and REPEATS not in m.decisions else None


def texts_differ(error: BaseException | None) -> bool:
    """Whether paths could not be merged because a text is another one on each of them."""
    while error is not None and not isinstance(error, DifferentTexts):
        error = error.__context__
    return error is not None


def attempt(m: Interpreter, request: Request) -> Program:
    """One staging run."""
    m.unflagged.add(RESULT)
    builder = BlockBuilder(defs=m.defs)
    state = State(builder, {})
    m.entry = state
    flat = Flat(distinct=request.distinct)
    inputs = Inputs(m, state, request.distinct, request.merge_sizes)
    args = []
    for name, value in zip(request.names(), request.args, strict=True):
        static = name in request.static
        (flat.static if static else flat.add)(value)
        args.append(inputs.static(value, name) if static else inputs.add(value, name))
    kwargs = {}
    for name, value in request.kwargs.items():
        static = name in request.static
        (flat.static if static else flat.add)(value)
        kwargs[name] = inputs.static(value, name) if static else inputs.add(value, name)
    m.args = tuple(flat.statics)
    before = dict(state.cells)
    target: Value = Known(request.function)
    if isinstance(request.function, types.FunctionType):
        target = function_value(m, request.function)
    tree = m.call(target, tuple(args), kwargs, state, None)
    outcome, outs, final = Ending(m, inputs, before).close(tree)
    return finished(m, inputs, builder, outcome, outs, final, request)


def finished(
    m: Machine, inputs: Inputs, builder: BlockBuilder, outcome: results.Outcome,
    outs: list[Operand], final: State, request: Request,
) -> Program:  # fmt: skip
    """The program of a finished run."""
    captured = list(m.captured.values())
    cells = {**inputs.cells, **{c.cell: -1 - k for k, c in enumerate(captured) if c.cell}}
    order = [*inputs.cells, *(c.cell for c in captured if c.cell)]
    mutated: list[tuple[int, int]] = []
    written: list[int] = []
    params = [*inputs.params, *(c.value for c in captured)]
    fresh = [k in m.fresh for k in range(len(outs))]
    for number in order:
        assert number is not None
        content = final.cells.get(number)
        origin = params[position(inputs, captured, number, cells)]
        if isinstance(content, ArrayCell) and content.operand is not origin:
            mutated.append((position(inputs, captured, number, cells), len(outs)))
            outs.append(content.operand)
            fresh.append(False)
            if number in inputs.cells:
                written.append(inputs.cells[number])
    block = Block(tuple(params), tuple(builder.stmts), tuple(outs))
    function = Function(
        getattr(request.function, "__name__", "f").replace("<lambda>", "lambda_"),
        with_names(m, block),
        tuple(mutated),
        tuple(fresh),
        tuple(m.functions.values()),
        tuple(sorted(m.errstate.items())),
        lengths=tuple(m.lengths.items()),
        turned=tuple(inputs.turned),
    )
    return Program(
        function,
        tuple(inputs.leaf_of),
        tuple(c.source for c in captured),
        outcome,
        tuple(m.guards.values()),
        frozenset(m.decisions),
        tuple(written),
        m.comments,
        inputs.asked,
    )


def position(inputs: Inputs, captured: list[Any], cell: int, cells: dict[Any, int]) -> int:
    """The parameter that holds the array of a cell at entry."""
    if cell in inputs.cells:
        return inputs.leaf_of.index(inputs.cells[cell])
    return len(inputs.params) + (-1 - cells[cell])
