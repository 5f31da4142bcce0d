"""Flattening: nested expressions become statements, in the order of evaluation.

Invariant: an expression returned by `Flat` is call-free, and evaluating it after the statements
emitted so far gives what the original gave. So before a statement is emitted on behalf of a
later operand, the operands before it that it could affect are put into temporaries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace as changed
from typing import Any

import gast

from stagec.errors import InternalError
from stagec.frontend.desugar import build
from stagec.frontend.desugar.names import Fresh
from stagec.frontend.desugar.operands import operands, rebuild, spilled
from stagec.frontend.desugar.scope import bindings

Expression = Callable[["Flat", Any], gast.expr]
Statement = Callable[["Flat", Any], None]


@dataclass(frozen=True, slots=True)
class Rules:
    """What each construct becomes.

    `values` gives an expression of which a call or yield may be the whole; `tests` gives one of
    which only the truth matters.
    """

    values: Mapping[type, Expression]
    tests: Mapping[type, Expression]
    statements: Mapping[type, Statement]


@dataclass(frozen=True, slots=True)
class Flat:
    """A block under construction.

    `stable` holds the names that only this function's own statements rebind; in a class body
    there are none, and comprehensions keep a scope of their own.
    """

    rules: Rules
    fresh: Fresh
    stable: frozenset[str]
    in_class: bool = False
    global_names: frozenset[str] = frozenset()
    nonlocal_names: frozenset[str] = frozenset()
    out: list[gast.stmt] = field(default_factory=list[gast.stmt])

    def nested(self) -> Flat:
        """A new block of the same function."""
        return changed(self, out=[])

    def block(self, statements: Sequence[gast.stmt]) -> list[gast.stmt]:
        """The core form of a block."""
        inner = self.nested()
        for stmt in statements:
            inner.statement(stmt)
        if statements and not inner.out:
            inner.emit(build.at(statements[0], gast.Pass()))
        return inner.out

    def emit(self, stmt: gast.stmt) -> None:
        """Append a statement of the core language."""
        self.out.append(stmt)

    def statement(self, stmt: gast.stmt) -> None:
        """Append the core form of a statement."""
        rule = self.rules.statements.get(type(stmt))
        if rule is None:
            raise InternalError(f"no rule for {type(stmt).__name__}")
        rule(self, stmt)

    def value(self, node: gast.expr) -> gast.expr:
        """The core form of an expression, which may be a call or yield as a whole."""
        rule = self.rules.values.get(type(node))
        if rule is not None:
            return rule(self, node)
        return self.rebuilt(node)

    def rebuilt(self, node: gast.expr) -> gast.expr:
        """The same expression over the core forms of its operands."""
        before = operands(node)
        after = self.operands(before)
        same = all(a is b for a, b in zip(before, after, strict=True))
        return node if same else rebuild(node, after)

    def operand(self, node: gast.expr) -> gast.expr:
        """The core form of an expression, free of calls."""
        value = self.value(node)
        if isinstance(value, gast.Call | gast.Yield):
            return self.temporary(value)
        return value

    def atom(self, node: gast.expr) -> gast.expr:
        """A name or constant with the value of the expression."""
        value = self.operand(node)
        if isinstance(value, gast.Constant) or self.fixed(value, []):
            return value
        return self.temporary(value)

    def test(self, node: gast.expr) -> gast.expr:
        """A call-free expression with the truth of `node`."""
        rule = self.rules.tests.get(type(node))
        return rule(self, node) if rule is not None else self.operand(node)

    def temporary(self, value: gast.expr) -> gast.Name:
        """A new name for a value of the core language."""
        name = self.fresh()
        self.emit(build.assign(value, name, value))
        return build.load(value, name)

    def operands(self, nodes: Sequence[Any]) -> list[Any]:
        """The core forms of expressions that are evaluated one after the other."""
        done: list[Any] = []
        for node in nodes:
            mark = len(self.out)
            lowered = self._wrapped(node)
            emitted = self.out[mark:]
            self.out[mark:] = []
            done = [self.kept(d, emitted) for d in done]
            self.out.extend(emitted)
            done.append(lowered)
        return done

    def kept(self, node: gast.AST, emitted: list[gast.stmt]) -> gast.AST:
        """The operand, evaluated here if the statements to be emitted could affect it."""
        if all(map(_inert, emitted)) or self.fixed(node, emitted):
            return node
        if isinstance(node, gast.keyword) and node.arg and self.fixed(node.value, emitted):
            return node
        value, use = spilled(node)
        return use(self.temporary(value))

    def fixed(self, node: gast.AST, emitted: list[gast.stmt]) -> bool:
        """Whether `node` gives the same before and after the emitted statements."""
        match node:
            case gast.Constant():
                return True
            case gast.Name(id=name):
                own = name.startswith(".") or name in self.stable
                return own and name not in bindings(emitted)
            case _:
                return False

    def into(self, name: str, node: gast.expr) -> None:
        """Append statements after which `name` holds the value of `node`."""
        if isinstance(node, gast.IfExp):
            test = self.test(node.test)
            then, orelse = self.nested(), self.nested()
            then.into(name, node.body)
            orelse.into(name, node.orelse)
            self.emit(build.at(node, gast.If(test, then.out, orelse.out)))
        else:
            self.emit(build.assign(node, name, self.value(node)))

    def declare(self, origin: gast.AST, name: str) -> None:
        """Make `name` a local of this function without ever binding it."""
        if name not in self.nonlocal_names:
            never = build.constant(origin, False)
            binding = build.assign(origin, name, build.constant(origin, None))
            self.emit(build.at(origin, gast.If(never, [binding], [])))

    def _wrapped(self, node: Any) -> gast.AST:
        """The core form of an operand or of a part of a display that wraps one."""
        match node:
            case gast.Starred(value=value) | gast.keyword(value=value):
                new = self.operand(value)
                return node if new is value else build.replace(node, value=new)
            case gast.FormattedValue(value=value, format_spec=spec):
                before = [value] if spec is None else [value, spec]
                value, *after = self.operands(before)
                return build.replace(node, value=value, format_spec=after[0] if after else None)
            case _:
                return self.operand(node)


def _inert(stmt: gast.stmt) -> bool:
    """Whether the statement can affect no operand: it only makes a function."""
    return isinstance(stmt, gast.FunctionDef) and not stmt.decorator_list
