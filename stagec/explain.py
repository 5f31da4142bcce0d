"""What `explain` tells: a report made from a specialisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import stagec_runtime as rt
from stagec.driver import Compiler, Specialisation
from stagec.frontend.sources import named
from stagec.ir.function import Function
from stagec.opt.bufferise import Copy
from stagec.opt.kernels import kernels
from stagec.opt.left import left
from stagec.pipeline import TARGETS


@dataclass(frozen=True, slots=True)
class Report:
    """Facts about one compiled version of a function; `str()` is for reading.

    Attributes
    ----------
    signature : the types it was compiled for; symbols are sizes that may vary between calls.
    specialisations : why each version of the function so far was compiled.
    static : what staging had to know besides the types.
    captured : variables outside that are read at each call.
    guards : variables outside whose change recompiles.
    copies : copies that in-place updates needed, and why.
    kernels : the functions that are compiled (Numba target).
    parts : those of them whose loop runs in parts on several threads where it is long.
    fallbacks : kernels that Numba could not compile, and why; they run as Python.
    loops : loops that run as Python, and what in them has no compiled form (Numba target).
    kept : where machine code is kept between processes, or why it is not.
    """

    signature: str
    specialisations: tuple[str, ...]
    static: tuple[str, ...]
    captured: tuple[str, ...]
    guards: tuple[str, ...]
    copies: tuple[str, ...]
    kernels: tuple[str, ...]
    parts: tuple[str, ...]
    fallbacks: tuple[str, ...]
    loops: tuple[str, ...]
    kept: tuple[str, ...]

    def __str__(self) -> str:
        lines = [self.signature]
        for title, items in (
            ("specialisations", self.specialisations),
            ("known at staging", self.static),
            ("read at each call", self.captured),
            ("guarded", self.guards),
            ("copies", self.copies),
            ("kernels", self.kernels),
            ("kernels in parallel parts", self.parts),
            ("fallbacks", self.fallbacks),
            ("loops in Python", self.loops),
            ("kept between processes", self.kept),
        ):
            lines.append(f"{title}: {len(items) or 'none'}")
            lines += [f"  {item}" for item in items]
        return "\n".join(lines)


KINDS = {
    "int": "the value of integer argument {}",
    "size": "the length of argument {} along axis {}",
    "equal": "the lengths of two axes are equal: {} and {} (argument, axis)",
    "part": "the length of {} is that of {} (argument, axis) divided by {}",
    "offset": "{} is {} + {} (argument, axis; -1: the integer itself)",
    "multiple": "the length of {} (argument, axis) is a multiple of {}",
    "layout": "the memory layout of argument {}",
    "unroll": "a loop unrolled",
    "peel": "a loop of which some trips are by themselves",
    "rolled": "a loop that cannot be unrolled",
    "generators": "random generators that the function makes are made at each call",
    "captured": "{} is read at each call, since it changed",
}


def report(made: Specialisation, compiler: Compiler) -> Report:
    """The report on a specialisation."""
    program = made.program
    params = ", ".join(f"{p.hint}: {p.type}" for p in program.function.params)
    static = []
    for kind, key in sorted(program.decisions, key=repr):
        parts = key if isinstance(key, tuple) else (key,)
        static.append(KINDS[kind].format(*parts))
    return Report(
        f"{program.function.name}({params})",
        tuple(compiler.history),
        tuple(static),
        tuple(map(str, program.captured)),
        tuple(str(g.source) for g in program.guards if named(g.source)),
        tuple(map(copy_text, made.copies)),
        tuple(made.module.kernels),
        made.module.parts,
        tuple(fallbacks(made)),
        tuple(loops(made.optimised)) if kernels in TARGETS[compiler.backend].passes else (),
        (kept(),) if made.module.kernels else (),
    )


def fallbacks(made: Specialisation) -> Iterator[str]:
    """The kernels that Numba refused when they were first called, with its message."""
    for kernel in made.memory.kernels if made.memory else ():
        if kernel.refused:
            yield f"{kernel.name}: {kernel.refused}"


def loops(fn: Function) -> Iterator[str]:
    """The loops that no kernel holds, each with the places that keep it out."""
    for place, stmts in left(fn):
        ops = dict.fromkeys(f"{s.op.name} at {s.loc or 'no line'}" for s in stmts)
        why = ", ".join(ops) or "what goes through it does not pass between kernels and Python"
        yield f"{place or 'of a derivative'}: {why}"


def kept() -> str:
    """Where machine code is kept, or why it is not."""
    store = rt.store()
    return f"no machine code: {store.why}" if store.root is None else f"in {store.root}"


def copy_text(copy: Copy) -> str:
    """Where and why an in-place update copies."""
    text = f"{copy.loc or 'at the end'}: {copy.name or 'a value'}: {copy.reason}"
    return f"{text} (in a loop)" if copy.in_loop else text
