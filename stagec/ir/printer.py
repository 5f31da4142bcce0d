"""The text form of the graph: one statement a line, deterministic, read back by `parser`.

Names are the hints, made unique in order of appearance (`y`, `y.1`); nameless values are `%0`,
`%1`...  No name depends on anything but the text before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Protocol, assert_never

from stagec.ir.core import (
    Apply,
    Attrs,
    Block,
    Call,
    Const,
    For,
    If,
    Operand,
    Stmt,
    Undef,
    Value,
    While,
)
from stagec.ir.spelling import attribute, constant

RESERVED = (
    *("if", "else", "for", "in", "range", "reversed", "while", "do", "from", "until", "trips"),
    *("yield", "return", "call", "func", "undef", "mutated", "fresh", "errstate", "kernel"),
    *("True", "False", "None", "nan", "inf", "complex", "newaxis", "free"),
)


class Printable(Protocol):
    """What the printer needs of a `Function`."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def body(self) -> Block:
        """Parameters, statements and results."""
        ...

    @property
    def mutated(self) -> tuple[tuple[int, int], ...]:
        """(parameter, result) pairs."""
        ...

    @property
    def fresh(self) -> tuple[bool, ...]:
        """One flag per result, or empty."""
        ...

    @property
    def functions(self) -> Sequence[Printable]:
        """The residual functions."""
        ...

    @property
    def errstate(self) -> Attrs:
        """Floating-point error handling."""
        ...

    @property
    def kernel(self) -> bool:
        """Whether it is to be compiled."""
        ...


def to_text(fn: Printable) -> str:
    """The text of the function, followed by its residual functions."""
    return "\n".join("\n".join(_Printer().function(f)) + "\n" for f in _nested(fn))


def statement_text(stmt: Stmt) -> str:
    """The text of one statement on its own, for messages."""
    return "\n".join(_Printer().stmt(stmt, ""))


def _nested(fn: Printable) -> Iterator[Printable]:
    yield fn
    for inner in fn.functions:
        yield from _nested(inner)


class _Printer:
    """Gives names to values while it prints."""

    def __init__(self) -> None:
        self._names: dict[Value, str] = {}
        self._counts: dict[str, int] = dict.fromkeys(RESERVED, 1)

    def function(self, fn: Printable) -> Iterator[str]:
        head = f"func {fn.name}({self._define(fn.body.params)})"
        if fn.mutated:
            pairs = (f"{self._use(fn.body.params[p])}={r}" for p, r in fn.mutated)
            head += f" mutated({', '.join(pairs)})"
        if any(fn.fresh):
            head += f" fresh({', '.join(str(k) for k, f in enumerate(fn.fresh) if f)})"
        if fn.errstate:
            head += f" errstate({', '.join(_attrs(fn.errstate))})"
        if fn.kernel:
            head += " kernel"
        yield head + ":"
        yield from self._block(fn.body, "  ", "return")

    def _block(self, block: Block, indent: str, end: str = "yield") -> Iterator[str]:
        for stmt in block.stmts:
            yield from self.stmt(stmt, indent)
        yield f"{indent}{end} {self._uses(block.results)}".rstrip()

    def stmt(self, stmt: Stmt, indent: str) -> Iterator[str]:
        inner = indent + "  "
        head = indent + (f"{self._define(stmt.outs)} = " if stmt.outs else "")
        match stmt:
            case Apply(op, args, attrs):
                yield f"{head}{op.name}({', '.join((*map(self._use, args), *_attrs(attrs)))})"
            case Call(function, args):
                yield f"{head}call {function}({self._uses(args)}){self._parts(stmt)}"
            case If(cond, then, orelse):
                yield f"{head}if {self._use(cond)}:"
                yield from self._block(then, inner)
                yield f"{indent}else:"
                yield from self._block(orelse, inner)
            case For(lo, hi, step, init, body):
                bounds = f"range({self._uses((lo, hi, step))})"
                bounds = f"reversed({bounds})" if stmt.reverse else bounds
                carried = self._carried(body.params[1:], init)
                index = self._define(body.params[:1])
                yield f"{head}for {index} in {bounds}{carried}{_flags(stmt)}:"
                yield from self._block(body, inner)
            case While(init, cond, body):
                yield f"{head}while{self._carried(cond.params, init)}{_flags(stmt)}:"
                yield from self._block(cond, inner)
                yield f"{indent}do {self._define(body.params)}".rstrip() + ":"
                yield from self._block(body, inner)
            case _:
                assert_never(stmt)

    def _parts(self, stmt: Call) -> str:
        """How the call may be made in parts."""
        if stmt.work is None:
            return ""
        ops = ", ".join(op.name for op in stmt.combine)
        step = f" step {stmt.step}" if stmt.step != 1 else ""
        return f" parts {self._use(stmt.work)} combine({ops}){step}"

    def _carried(self, params: tuple[Value, ...], init: tuple[Operand, ...]) -> str:
        """` from x: type = init, ...`; a side without partner shows as `?`."""
        if not params and not init:
            return ""
        starts = [self._use(operand) for operand in init]
        names = [self._define((p,)) for p in params]
        pairs = zip_longest(names, starts, fillvalue="?")
        return " from " + ", ".join(f"{name} = {start}" for name, start in pairs)

    def _define(self, values: tuple[Value, ...]) -> str:
        return ", ".join(f"{self._name(v)}: {v.type}" for v in values)

    def _name(self, value: Value) -> str:
        if value not in self._names:
            base = re.sub(r"\W", "_", value.hint)
            if base[:1].isdigit():
                base = f"_{base}"
            count = self._counts.get(base, 0)
            self._counts[base] = count + 1
            self._names[value] = (
                f"%{count}" if not base else f"{base}.{count}" if count else base
            )
        return self._names[value]

    def _uses(self, operands: tuple[Operand, ...]) -> str:
        return ", ".join(map(self._use, operands))

    def _use(self, operand: Operand) -> str:
        match operand:
            case Value():
                return self._name(operand)
            case Const():
                return constant(operand)
            case Undef(type):
                return f"undef<{type}>"
            case _:
                assert_never(operand)


def _attrs(attrs: Attrs) -> Iterator[str]:
    return (f"{key}={attribute(value)}" for key, value in attrs)


def _flags(stmt: For | While) -> str:
    flags = {"until": stmt.until, "trips": stmt.trips is not None}
    if isinstance(stmt, For):
        flags |= {"free": stmt.free, "parts": stmt.parts}
    return "".join(f" {flag}" for flag, given in flags.items() if given)
