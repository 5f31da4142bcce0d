"""Reading the text form back: `to_text(parse(to_text(fn), ops)) == to_text(fn)`.

The text holds names, types and structure; source locations are not in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stagec.ir.core import (
    Apply,
    Attrs,
    Block,
    Call,
    Const,
    For,
    If,
    Op,
    Operand,
    Stmt,
    Undef,
    Value,
    While,
)
from stagec.ir.function import Function
from stagec.ir.literals import Line
from stagec.ir.types import type_of


def parse(text: str, ops: Mapping[str, Op]) -> Function:
    """Read a function and, after it, its residual functions; `ops` are known by name.

    Raises `SyntaxError` naming the line.
    """
    numbered = enumerate(text.splitlines(), 1)
    lines = [Line(line, number, ops) for number, line in numbered if line.strip()]
    if not lines:
        raise SyntaxError("line 1: expected a function")
    lines.reverse()
    functions: list[Function] = []
    while lines:
        functions.append(_Parser(lines, ops).function())
    return replace(functions[0], functions=tuple(functions[1:]))


@dataclass(slots=True)
class _Parser:
    """Reads one function from the end of `lines`, which are in reverse order."""

    lines: list[Line]
    ops: Mapping[str, Op]
    names: dict[str, Value] = field(default_factory=dict[str, Value])

    def function(self) -> Function:
        line = self._line("func")
        name = line.next()
        line.expect("(")
        params = line.separated(lambda: self._define(line), ")")
        mutated: tuple[tuple[int, int], ...] = ()
        fresh: tuple[int, ...] = ()
        errstate: Attrs = ()
        if line.take("mutated", "("):
            pairs = line.separated(lambda: self._pair(line), ")")
            mutated = tuple((params.index(value), result) for value, result in pairs)
        if line.take("fresh", "("):
            fresh = line.separated(lambda: int(line.next()), ")")
        if line.take("errstate", "("):
            errstate = line.separated(lambda: _attr(line), ")")
        kernel = line.take("kernel")
        self._end(line)
        body = self._block(params, "return")
        flags = tuple(k in fresh for k in range(len(body.results)))
        return Function(name, body, mutated, flags, (), errstate, kernel)

    def _line(self, *start: str) -> Line:
        """The next line, which must start with these tokens."""
        if not self.lines:
            raise SyntaxError(f"after the last line: expected {' '.join(start) or 'yield'}")
        line = self.lines.pop()
        for token in start:
            line.expect(token)
        return line

    def _end(self, line: Line, mark: str = ":") -> None:
        if mark:
            line.expect(mark)
        if line.peek():
            line.fail("expected the end of the line")

    def _pair(self, line: Line) -> tuple[Value, int]:
        value = self._value(line)
        line.expect("=")
        return value, int(line.next())

    # values

    def _define(self, line: Line) -> Value:
        name = line.next()
        if not re.match(r"[%\w]", name):
            line.fail(f"{name!r} is no name, before this")
        line.expect(":")
        hint = "" if name.startswith("%") else name.partition(".")[0]
        value = Value(line.type(), hint)
        self.names[name] = value
        return value

    def _value(self, line: Line) -> Value:
        if line.peek() not in self.names:
            line.fail("expected a value that is defined before")
        return self.names[line.next()]

    def _operand(self, line: Line) -> Operand:
        if line.take("undef", "<"):
            type = line.type()
            line.expect(">")
            return Undef(type)
        value = line.scalar()
        if value is Line:
            return self._value(line)
        if line.peek() == ":" and line.peek(1):
            line.next()
            return Const(value, line.type())
        return Const(value, type_of(value))

    def _operands(self, line: Line, end: str) -> tuple[Operand, ...]:
        return line.separated(lambda: self._operand(line), end)

    # statements

    def _block(self, params: tuple[Value, ...], end: str = "yield") -> Block:
        stmts: list[Stmt] = []
        while True:
            line = self._line()
            if line.take(end):
                return Block(params, tuple(stmts), self._operands(line, ""))
            stmts.append(self._stmt(line))

    def _stmt(self, line: Line) -> Stmt:
        outs: tuple[Value, ...] = ()
        if line.peek(1) == ":" and line.peek(2):
            outs = line.separated(lambda: self._define(line), "=")
        if line.take("if"):
            return self._if(line, outs)
        if line.take("for"):
            return self._for(line, outs)
        if line.take("while"):
            return self._while(line, outs)
        if line.take("call"):
            name = line.next()
            line.expect("(")
            return Call(name, self._operands(line, ")"), outs)
        return self._apply(line, outs)

    def _apply(self, line: Line, outs: tuple[Value, ...]) -> Apply:
        op = self.ops.get(line.peek())
        if op is None:
            line.fail("expected an op")
        line.next()
        line.expect("(")
        args: list[Operand] = []
        attrs: list[tuple[str, Any]] = []
        while not line.take(")"):
            if line.peek(1) == "=":
                attrs.append(_attr(line))
            else:
                args.append(self._operand(line))
            if line.peek() != ")":
                line.expect(",")
        self._end(line, "")
        return Apply(op, tuple(args), tuple(sorted(attrs)), outs)

    def _if(self, line: Line, outs: tuple[Value, ...]) -> If:
        cond = self._operand(line)
        self._end(line)
        then = self._block(())
        self._end(self._line("else"))
        return If(cond, then, self._block(()), outs)

    def _for(self, line: Line, outs: tuple[Value, ...]) -> For:
        index = self._define(line)
        line.expect("in")
        reverse = line.take("reversed", "(")
        line.expect("range")
        line.expect("(")
        lo, hi, step = self._operands(line, ")")
        if reverse:
            line.expect(")")
        params, init = self._carried(line)
        flags = ("until", "trips", "free", "parts")
        until, trips, free, parts = (line.take(flag) for flag in flags)
        self._end(line)
        body = self._block((index, *params))
        carry, count = (outs[:-1], outs[-1]) if trips else (outs, None)
        return For(
            lo, hi, step, init, body, carry, until, reverse, count, free=free, parts=parts
        )

    def _while(self, line: Line, outs: tuple[Value, ...]) -> While:
        params, init = self._carried(line)
        until, trips = line.take("until"), line.take("trips")
        self._end(line)
        cond = self._block(params)
        line = self._line("do")
        body = self._block(line.separated(lambda: self._define(line), ":"))
        carry, count = (outs[:-1], outs[-1]) if trips else (outs, None)
        return While(init, cond, body, carry, until, count)

    def _carried(self, line: Line) -> tuple[tuple[Value, ...], tuple[Operand, ...]]:
        """Read ` from x: type = init, ...`: the parameters and their starts."""
        params: list[Value] = []
        init: list[Operand] = []
        more = line.take("from")
        while more:
            params.append(self._define(line))
            line.expect("=")
            init.append(self._operand(line))
            more = line.take(",")
        return tuple(params), tuple(init)


def _attr(line: Line) -> tuple[str, Any]:
    name = line.next()
    line.expect("=")
    return name, line.attribute()
