"""The short way from a call to compiled code: one Python function, written for the arguments.

The function tests that its arguments are like those it was written for, calls the generated
code and makes the result.  Whatever it does not know for certain it leaves to the long way,
which decides: it may say no too often, never yes too often.
"""

from __future__ import annotations

import itertools
from collections.abc import (
    Callable,
    Hashable,
    Mapping as Mapping_,
    Sequence as Sequence_,
    Set as Set_,
)
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.frontend.arguments import is_scalar, layout_of
from stagec.frontend.results import (
    Arg,
    Container,
    Hidden,
    Mapping,
    Out,
    Outcome,
    Plain,
    Sequence,
    Spec,
    instance,
)
from stagec.frontend.sources import (
    Argument,
    Attribute,
    Cell,
    Constant,
    Derived,
    Global,
    Guard,
    Item,
    Source,
    same_value,
)
from stagec.frontend.stage import Program
from stagec.ir.asked import Place
from stagec.lines import guarded, indented, joined
from stagec.measuring import Lengths, arrays
from stagec.parameters import NOT_PASSED, Parameters

Call = Callable[..., Any]
NUMBERS = (float, int, complex)
BY_VALUE = (int, str, bytes, bool)
FEW = 6  # arrays that are compared pair by pair


class NotSimpleError(Exception):
    """There is no short way for these arguments or this result."""


def short_call(
    program: Program,
    results: int,
    args: tuple[Any, ...],
    static: Sequence_[bool],
    distinct: bool,
    limited: Set_[Place],
    uses: Mapping_[str, Any],
    parameters: Parameters | None = None,
) -> Call | None:
    """A function that does the call for arguments like `args`; None if they are not simple.

    `results` is the number of results of the generated code, `static` says which arguments are
    static as a whole, `distinct` that an array passed twice counts as two, and `limited` which
    lengths may not be more than the globals that `limit` names.  `uses` are these, `entry`,
    the generated code, and `annotate`, called with an exception of it.  Other
    arguments are passed to the global `miss` of the function, which is to be set.  The function
    has these parameters, or takes all that is passed to it.
    """
    if parameters is not None and not parameters.take(len(args)):
        parameters = None
    writer = _Writer(program, distinct, limited, parameters)
    try:
        text = writer.function(args, static, results)
    except NotSimpleError:
        return None
    namespace = {**writer.objects, **uses}
    exec(compile(text, f"<call of {program.function.name}>", "exec"), namespace)
    if parameters is not None:
        parameters.given_to(namespace["call"])
    return namespace["call"]


@dataclass(slots=True)
class _Writer:
    """Writes the function; `objects` are its globals."""

    program: Program
    distinct: bool
    limited: Set_[Place]
    parameters: Parameters | None
    tests: list[str] = field(default_factory=list[str])
    leaves: list[str] = field(default_factory=list[str])
    values: list[Any] = field(default_factory=list[Any])
    statics: list[str] = field(default_factory=list[str])
    containers: dict[str, Any] = field(default_factory=dict[str, Any])
    objects: dict[str, Any] = field(default_factory=dict[str, Any])
    memo: dict[Hashable, str] = field(default_factory=dict[Hashable, str])

    def function(self, args: tuple[Any, ...], static: Sequence_[bool], results: int) -> str:
        """The source of the function `call`."""
        program = self.program
        params = [f"a{k}" for k in range(len(args))]
        for param, value, whole in zip(params, args, static, strict=True):
            if whole:
                self.static(param, value)
            else:
                self.argument(param, value)
        self.tests += Lengths(program, self.leaves, self.values, self.limited).tests()
        self.decided()
        self.identity()
        self.overlap()
        hidden = [f"h{k}" for k in range(len(program.captured))]
        reads = [
            f"{h} = {self.source(s)}" for h, s in zip(hidden, program.captured, strict=True)
        ]
        guards = [self.guard(g) for g in program.guards]
        passed = ", ".join([*(self.leaves[k] for k in program.leaves), *hidden])
        body = [
            "try:",
            *indented(self.outcome(program.outcome, results, f"entry({passed})")),
            "except Exception as error:",
            "    annotate(error)",
            "    raise",
        ]
        head, otherwise = self.ends(params)
        lines = [
            f"def call({head}):",
            "    if (",
            *indented(indented(joined(self.tests or ["True"]))),
            "    ):",
            *indented([*indented(guarded(guards, reads, body)), *otherwise]),
        ]
        return "\n".join(lines) + "\n"

    def ends(self, passed: list[str]) -> tuple[str, list[str]]:
        """The parameters, and the statements for other arguments than those tested."""
        missing, own = self.constant(NOT_PASSED, "missing"), self.parameters
        if own is None:
            self.tests.insert(0, "not rest and not named")
            head = "".join(f"{p}={missing}, " for p in passed)
            given = f"given = [a for a in [{', '.join(passed)}] if a is not {missing}]"
            last = "return miss(*given, *rest, **named)"
            return f"{head}{'/, ' if passed else ''}*rest, **named", [given, last]
        every = [f"a{k}" for k in range(len(own.names))]
        self.tests += [f"{p} is {missing}" for p in every[len(passed) :]]
        optional = [f"{p}={missing}" for p in every[own.required :]]
        given = ", ".join(every)
        last = [f"return miss({given})"]
        if optional:
            split = self.constant(own.passed, "passed")
            last = [f"given, named = {split}({given})", "return miss(*given, **named)"]
        return ", ".join([*every[: own.required], *optional]), last

    def constant(self, value: Any, hint: str = "value") -> str:
        """A global that holds the object."""
        for found, known in self.objects.items():
            if known is value:
                return found
        chosen = hint if hint not in self.objects else f"{hint}_{len(self.objects)}"
        self.objects[chosen] = value
        return chosen

    # the arguments

    def argument(self, name: str, value: Any, read: str = "") -> None:
        """Test the kind of an argument, or with `read` of an item that is read so."""
        kind = type(value)
        first = f"({name} := {read})" if read else name
        if kind is np.ndarray:
            self.tests.append(f"type({first}) is {self.constant(kind, kind.__name__)}")
            self.tests.append(f"{name}.dtype is {self.constant(value.dtype, 'dtype')}")
            self.leaf(name, value)
        elif kind in NUMBERS or is_scalar(value):
            self.tests.append(f"type({first}) is {self.constant(kind, kind.__name__)}")
            if kind is int:
                self.tests.append(f"{name} {'<' if value < 0 else '>='} 0")
            self.leaf(name, value)
        elif kind in (list, tuple, dict):
            self.tests.append(f"type({first}) is {self.constant(kind, kind.__name__)}")
            length = f"len({name}) == {len(value)}"
            keys = kind is dict and f"tuple({name}) == {self.constant(tuple(value), 'keys')}"
            self.tests.append(keys or length)
            self.items(name, value)
        elif kind in (bool, str, bytes, type(None)):
            self.static(name, value, first)
        else:
            raise NotSimpleError

    def items(self, name: str, value: Any) -> None:
        """Test the items of a container, and that it is none of those before."""
        for other, known in {} if self.distinct else self.containers.items():
            if known is value and not isinstance(value, tuple):
                raise NotSimpleError
            if type(known) is type(value) in (list, dict):
                self.tests.append(f"{name} is not {other}")
        self.containers[name] = value
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for position, (key, item) in enumerate(items):
            index = str(key) if type(key) is int else self.constant(key, "key")
            self.argument(f"{name}_{position}", item, f"{name}[{index}]")

    def leaf(self, name: str, value: Any) -> None:
        """A run-time leaf."""
        self.leaves.append(name)
        self.values.append(value)

    def static(self, name: str, value: Any, first: str = "") -> None:
        """Test that an argument is this object, or one of the same value and type."""
        kind = type(value)
        if kind in BY_VALUE:
            self.tests.append(f"type({first or name}) is {self.constant(kind, kind.__name__)}")
            self.tests.append(f"{name} == {self.constant(value, 'value')}")
        else:
            self.tests.append(f"{first or name} is {self.constant(value, 'value')}")
        self.statics.append(name)

    # the arrays together

    def decided(self) -> None:
        """Test integers and memory layouts that staging was told."""
        for kind, key in sorted(self.program.decisions, key=repr):
            if kind == "int":
                self.tests.append(
                    f"{self.leaves[key]} == {self.constant(self.values[key], 'number')}"
                )
            elif kind == "layout":
                name = self.constant(layout_of, "layout_of")
                self.tests.append(
                    f"{name}({self.leaves[key]}) == {layout_of(self.values[key])!r}"
                )

    def identity(self) -> None:
        """Test which arguments are the same array; those of other types cannot be."""
        if self.distinct:
            return
        places = arrays(self.values)
        objects = {id(self.values[k]) for k in places}
        if len(objects) == len(places) > FEW:
            ids = ", ".join(f"id({self.leaves[k]})" for k in places)
            self.tests.append(f"len({{{ids}}}) == {len(places)}")
            return
        for k, j in itertools.combinations(places, 2):
            a, b = self.values[k], self.values[j]
            if a is b:
                self.tests.append(f"{self.leaves[k]} is {self.leaves[j]}")
            elif a.dtype is b.dtype and a.ndim == b.ndim:
                self.tests.append(f"{self.leaves[k]} is not {self.leaves[j]}")

    def overlap(self) -> None:
        """Test that what is written to is apart from the other arrays.

        Arrays that own their memory are; it is the common case, and costs little to see.
        """
        names = list(dict.fromkeys(self.leaves[k] for k in arrays(self.values)))
        if not self.program.written:
            return
        if self.program.captured:
            raise NotSimpleError
        if len(names) > 1:
            own = " and ".join(f"{n}.flags.owndata" for n in names)
            written = "".join(f"{self.leaves[k]}, " for k in self.program.written)
            test = f"{self.constant(rt.apart, 'apart')}(({written}), ({', '.join(names)}))"
            self.tests.append(f"({own} or {test})")

    # captured values

    def source(self, source: Source) -> str:
        """The expression that reads the value."""
        match source:
            case Argument(position):
                return self.statics[position]
            case Global(namespace, name):
                return f"{self.constant(namespace, 'variables')}[{name!r}]"
            case Cell(cell):
                return f"{self.constant(cell, 'cell')}.cell_contents"
            case Constant(value):
                return self.constant(value)
            case Attribute(base, name):
                return f"{source.reader}({self.source(base)}, {name!r})"
            case Item(base, key):
                return f"{self.source(base)}[{self.constant(key, 'key')}]"
            case Derived(base, function):
                return f"{self.constant(function, 'derived')}({self.source(base)})"
            case _:
                raise NotSimpleError

    def guard(self, guard: Guard) -> str:
        """The test that a captured value is unchanged."""
        expected = self.constant(guard.expected, "expected")
        same = self.constant(same_value, "same_value")
        return (
            f"((now := {self.source(guard.source)}) is {expected} or {same}(now, {expected}))"
        )

    # the result

    def outcome(self, outcome: Outcome, results: int, called: str) -> list[str]:
        """The statements that make the result from that of the generated code."""
        value = outcome.value
        if outcome.changes:
            raise NotSimpleError
        every = tuple(map(Out, range(results)))
        if isinstance(value, Sequence) and value.cls is tuple:
            whole = results > 1 and value.items == every
        else:
            whole = results == 1 and value == every[0]
        if whole:
            return [f"return {called}"]
        outs = [f"o{k}" for k in range(results)]
        target = f"{', '.join(outs)} = " if outs else ""
        return [f"{target}{called}", f"return {self.made(value, outs)}"]

    def made(self, spec: Spec, outs: list[str]) -> str:
        """The expression for a part of the result."""
        match spec:
            case Out(position):
                return outs[position]
            case Arg(leaf):
                return self.leaves[leaf]
            case Hidden(position):
                return f"h{position}"
            case Plain(value):
                return self.constant(value)
            case Container(position):
                return list(self.containers)[position]
            case Sequence(cls, items, memo) if memo not in self.memo:
                parts = "".join(f"{self.made(i, outs)}, " for i in items)
                text = f"[{parts}]" if cls is list else f"({parts})"
                if cls not in (list, tuple):
                    star = "*" if hasattr(cls, "_fields") else ""
                    text = f"{self.constant(cls, 'cls')}({star}{text})"
            case Mapping(keys, items, memo, cls) if memo not in self.memo:
                pairs = zip([self.constant(k) for k in keys], items, strict=True)
                text = f"{{{', '.join(f'{k}: {self.made(i, outs)}' for k, i in pairs)}}}"
                if cls is not None:
                    maker = self.constant(instance, "instance")
                    text = f"{maker}({self.constant(cls, 'cls')}, {text})"
            case Sequence(memo=memo) | Mapping(memo=memo):
                return self.memo[memo]
            case _:
                raise NotSimpleError
        self.memo[memo] = f"m{len(self.memo)}"
        return f"({self.memo[memo]} := {text})"
