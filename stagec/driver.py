"""From a Python function and its arguments to a compiled specialisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.blame import annotate
from stagec.codegen.module import Module, to_module
from stagec.decisions import UNLIMITED, Reach, checker, related, settled
from stagec.dispatch import Call, short_call
from stagec.errors import StagecError
from stagec.frontend.arguments import NUMBER, Flat
from stagec.frontend.results import Rebuild
from stagec.frontend.stage import Program, Request, stage
from stagec.ir.function import Function
from stagec.ir.lowering import SMALL
from stagec.opt.bufferise import Copy
from stagec.parameters import Parameters
from stagec.pipeline import TARGETS, Target, Transforms, lowered
from stagec_runtime.collecting import fewer_collections

SHORT_WAYS = 8  # tried one after the other
CLASSES = 6  # versions that differ only in how long the arrays are that they are fast for
LARGER = "arrays that are so much larger that other code is faster"


@dataclass(slots=True, eq=False)
class Specialisation:
    """One compiled version of a function, and when it applies; equal only to itself."""

    program: Program
    optimised: Function
    module: Module
    copies: tuple[Copy, ...]
    reach: Reach
    checks: list[Callable[[Flat], bool]] = field(default_factory=list[Callable[[Flat], bool]])
    tried: bool = False
    memory: rt.Loaded | None = None

    @property
    def related(self) -> bool:
        """Whether it takes sizes to be near each other."""
        return any(kind == "offset" for kind, _ in self.program.decisions)

    @property
    def loaded(self) -> rt.Loaded:
        """The module in memory, loaded at first use: Numba takes long to import."""
        if self.memory is None:
            module = self.module
            self.memory = rt.load(
                module.text, module.entry, module.objects, module.kernels, SMALL, module.parts
            )
        return self.memory

    def applies(self, flat: Flat) -> bool:
        """Whether the arguments and all captured values are as this version was made for."""
        for check in self.checks:
            if not check(flat):
                return False
        if self.program.guards or self.program.captured:
            args = tuple(flat.statics)
            for guard in self.program.guards:
                if not guard.holds(args):
                    return False
            return all(source.there(args) for source in self.program.captured)
        return True

    def run(self, flat: Flat) -> Any:
        """Call the generated code and make the result."""
        program = self.program
        leaves = flat.leaves
        inputs = [leaves[k] for k in program.leaves]
        hidden: list[Any] = []
        if program.captured:
            statics = tuple(flat.statics)
            hidden = [source.get(statics) for source in program.captured]
        if program.written:
            self.refuse_overlap(leaves, hidden)
        try:
            outs = self.loaded.entry(*inputs, *hidden)
        except Exception as error:
            self.annotate(error)
            raise
        if len(self.optimised.results) == 1:
            outs = (outs,)
        return Rebuild(outs, leaves, hidden, flat.containers, {}).outcome(program.outcome)

    def refuse_overlap(self, leaves: list[Any], hidden: list[Any]) -> None:
        """Refuse an argument that is written to and overlaps another."""
        arrays = [a for a in (*leaves, *hidden) if isinstance(a, np.ndarray)]
        if not rt.apart([leaves[k] for k in self.program.written], arrays):
            raise StagecError(
                "SC501",
                f"an argument that {self.optimised.name} writes to overlaps another",
                None,
                "pass a copy of one of them",
            )

    def annotate(self, error: Exception) -> None:
        """Add a note to the exception saying where in the user's program it happened."""
        annotate(error, self.module, self.loaded.file)


@dataclass(slots=True)
class Compiler:
    """Compiles one function for the arguments it meets, and keeps the results."""

    function: Any
    static: frozenset[str]
    distinct: bool
    backend: str = "numpy"
    table: dict[Any, list[Specialisation]] = field(
        default_factory=dict[Any, list[Specialisation]]
    )
    history: list[str] = field(default_factory=list[str])
    changed: set[Any] = field(default_factory=set[Any])
    public: Callable[[], Any] = lambda: None
    shorts: list[Call] = field(default_factory=list[Call])

    def static_args(self, args: tuple[Any, ...]) -> list[bool]:
        """Which positional arguments are static as a whole."""
        if not self.static:
            return [False] * len(args)
        names = Request(self.function, args, {}, self.static).names()
        return [n in self.static for n in names]

    def flatten(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Flat]:
        """The key of the arguments and their parts."""
        flat = Flat(distinct=self.distinct)
        add = flat.add
        if self.static:
            key = [
                flat.static(a) if static else add(a)
                for static, a in zip(self.static_args(args), args, strict=True)
            ]
            key += [
                (n, flat.static(a) if n in self.static else add(a)) for n, a in kwargs.items()
            ]
        else:
            key = [add(a) for a in args]
            if kwargs:
                key += [(n, add(a)) for n, a in kwargs.items()]
        arrays = [id(a) for a in flat.leaves if type(a) is np.ndarray]
        if len(set(arrays)) < len(arrays) and not self.distinct:
            key.append(("same", *(arrays.index(a) for a in arrays)))
        return tuple(key), flat

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Call the right specialisation, making it first if there is none."""
        found, flat = self.found(args, kwargs)
        short = None if found.tried or kwargs else self.shorten(found, args)
        return short(*args) if short else found.run(flat)

    def shorten(self, made: Specialisation, args: tuple[Any, ...]) -> Call | None:
        """The short way to the specialisation, to be tried after those found before."""
        made.tried = True
        if len(self.shorts) == SHORT_WAYS:
            return None
        uses = {"entry": made.loaded.entry, "annotate": made.annotate, "miss": self.call}
        results, static = len(made.optimised.results), self.static_args(args)
        parameters = Parameters.of(self.function)
        reach = made.reach
        short = short_call(
            made.program, results, args, static, self.distinct, reach.most.keys(),
            {**uses, **reach.names()}, parameters,
        )  # fmt: skip
        if short is None:
            return None
        reach.limits = short.__globals__
        if self.shorts:
            self.shorts[-1].__globals__["miss"] = short
        elif (public := self.public()) is not None:
            public.__call__ = short
        self.shorts.append(short)
        return short

    def specialise(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Specialisation:
        """The specialisation for the arguments."""
        return self.found(args, kwargs)[0]

    def found(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Specialisation, Flat]:
        """The specialisation for the arguments, made if there is none, and their parts."""
        key, flat = self.flatten(args, kwargs)
        outgrown: list[Specialisation] = []
        for made in self.table.get(key, ()):
            if made.applies(flat):
                if made.reach.holds(flat):
                    return made, flat
                outgrown.append(made)
        for made in outgrown:
            if made.reach.widened(flat):
                return made, flat
        if len(outgrown) < CLASSES:
            return self.compile(key, flat, args, kwargs, outgrown), flat
        last = outgrown[-1]
        last.reach.widen(dict.fromkeys(last.reach.most, UNLIMITED))
        return last, flat

    @fewer_collections()
    def compile(
        self, key: Any, flat: Flat, args: tuple[Any, ...], kwargs: dict[str, Any],
        outgrown: Sequence[Specialisation] = (),
    ) -> Specialisation:  # fmt: skip
        """A new specialisation; others that were compiled for shorter arrays are `outgrown`."""
        reason = LARGER if outgrown else self.reason(key, flat)
        decisions: set[tuple[str, Any]] = {("captured", s) for s in self.changed}
        target = TARGETS[self.backend]
        request = Request(
            self.function, args, kwargs, self.static, self.distinct, target.merge_sizes
        )
        transforms = Transforms(target.merge_sizes)
        program = stage(request, decisions, transforms)
        if target.merge_sizes:
            before = program.decisions
            program = settled(program, flat)
            if transforms.batches and program.decisions != before:
                # how batches are made depends on sizes
                program = stage(request, set(program.decisions), transforms)
            if outgrown or not any(made.related for made in self.table.get(key, ())):
                # sizes that are near each other by chance cost one more specialisation at most
                program = related(program, flat)
                if transforms.pullbacks and staged_near(program):
                    # lengths that are known in time need not be kept for the way back
                    program = settled(stage(request, set(program.decisions), transforms), flat)
        made = lower(program, target, flat)
        for same in outgrown:
            if same.module.text == made.module.text:
                same.reach.replace(made.reach)
                return same
        made.checks = [
            check for d in sorted(program.decisions, key=repr) if (check := checker(d, flat))
        ]
        self.table.setdefault(key, []).append(made)
        self.history.append(reason)
        return made

    def reason(self, key: Any, flat: Flat) -> str:
        """Why a new specialisation is needed; notes captured numbers that change."""
        others = self.table.get(key)
        if not self.table:
            return "the first call"
        if others is None:
            return "new argument types"
        statics = tuple(flat.statics)
        for guard in others[-1].program.guards:
            if not guard.holds(statics):
                if isinstance(guard.expected, int | float) and not isinstance(
                    guard.expected, bool
                ):
                    self.changed.add(guard.source)
                return f"{guard.source} changed"
        return "a new value of an argument that staging depends on"


def staged_near(program: Program) -> bool:
    """Whether staging can be told the sizes that are near others: those near axes."""
    bases = [key[1] for kind, key in program.decisions if kind == "offset"]
    return bool(bases) and all(axis != NUMBER for _, axis in bases)


def lower(program: Program, target: Target, flat: Flat) -> Specialisation:
    """Optimise and print a program that was staged for the arguments."""
    final, copies, printed = lowered(program.function, target)
    module = to_module(printed, program.comments, header_of(program, target))
    return Specialisation(program, final, module, copies, Reach.of(program, flat))


def header_of(program: Program, target: Target) -> tuple[str, ...]:
    """The comment at the top of a generated module."""
    fn = program.function
    params = ", ".join(f"{p.hint or 'arg'}: {p.type}" for p in fn.params)
    return (f"{fn.name}({params}), generated by stagec for {target.title}",)
