"""Which locals may still be read: backward liveness on the core language.

Invariant: an over-approximation. Names shared with nested functions are always live, and inside
`try` and `with` anything that a handler or what follows it may read is live throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace as changed

import gast

from stagec.frontend.depth import deep
from stagec.frontend.desugar.scope import scope

Names = frozenset[str]
COMPOUND = (gast.If, gast.For, gast.While, gast.Try, gast.With)


@dataclass(frozen=True, slots=True)
class Liveness:
    """Live locals by the `id` of a statement of the function.

    Attributes
    ----------
    after : what may be read after an If, For, While, Try or With statement.
    head : what may be read once control is back at the head of a For or While.
    """

    after: dict[int, Names]
    head: dict[int, Names]


def liveness(function: gast.FunctionDef) -> Liveness:
    """The liveness of the function's locals, nested functions excluded."""
    own = scope(function)
    result = Liveness({}, {})
    with deep():
        _Flow(result, own.locals, own.cells, *[own.cells] * 4).block(function.body, own.cells)
    return result


@dataclass(frozen=True, slots=True)
class _Flow:
    """Where control may go from a statement, and what is live there."""

    result: Liveness
    names: Names
    shared: Names  # live everywhere
    leave: Names  # live where a `return` goes
    raised: Names  # live where an exception goes
    broken: Names  # live where a `break` goes
    again: Names  # live where a `continue` goes
    normal: Names = field(default=frozenset())  # live where a loop ends of itself

    def block(self, statements: list[gast.stmt], live: Names) -> Names:
        """What is live before the statements, `live` being what is after them."""
        for stmt in reversed(statements):
            live = self.statement(stmt, live) | self.raised
        return live

    def statement(self, stmt: gast.stmt, live: Names) -> Names:
        """What is live before the statement."""
        if isinstance(stmt, COMPOUND):
            known = self.result.after.get(id(stmt), frozenset())
            self.result.after[id(stmt)] = known | live
        match stmt:
            case gast.If(test=test, body=body, orelse=orelse):
                return self.reads(test) | self.block(body, live) | self.block(orelse, live)
            case gast.While() | gast.For():
                return self.loop(stmt, live)
            case gast.With():
                return self.managed(stmt, live)
            case gast.Try():
                return self.guarded(stmt, live)
            case gast.Return(value=value):
                return self.leave | (self.reads(value) if value else frozenset())
            case gast.Raise():
                return self.raised | self.reads(stmt)
            case gast.Break():
                return self.normal if getattr(stmt, "normal_exit", False) else self.broken
            case gast.Continue():
                return self.again
            case _:
                return (live - self.kills(stmt)) | self.reads(stmt)

    def loop(self, stmt: gast.For | gast.While, live: Names) -> Names:
        """A loop: what is live at its head grows until it is stable."""
        ended = self.block(stmt.orelse, live)
        is_for = isinstance(stmt, gast.For)
        targets = self.written(stmt.target) if is_for else frozenset[str]()
        test = frozenset[str]() if is_for else self.reads(stmt.test)
        endless = not is_for and isinstance(stmt.test, gast.Constant) and stmt.test.value
        # what an earlier visit found holds still, so nested loops settle at once
        head = self.result.head.get(id(stmt), frozenset()) | test
        if not endless:
            head |= ended
        while True:
            inner = changed(self, broken=live, again=head, normal=ended)
            grown = head | (inner.block(stmt.body, head) - targets)
            if grown == head:
                break
            head = grown
        self.result.head[id(stmt)] = head
        return head | self.reads(stmt.iter) if is_for else head

    def managed(self, stmt: gast.With, live: Names) -> Names:
        """A `with`: its exit may swallow an exception from anywhere in the body."""
        [item] = stmt.items
        inner = changed(self, raised=self.raised | live)
        entry = inner.block(stmt.body, live)
        bound = (
            frozenset[str]() if item.optional_vars is None else self.written(item.optional_vars)
        )
        return (entry - bound) | self.reads(item.context_expr) | self.raised

    def guarded(self, stmt: gast.Try, live: Names) -> Names:
        """A `try`: all ways out pass the `finally` block, and any statement may raise."""
        final: Callable[[Names], Names] = lambda after: self.block(stmt.finalbody, after)
        outer = changed(
            self,
            leave=final(self.leave),
            raised=final(self.raised) if stmt.finalbody else self.raised,
            broken=final(self.broken),
            again=final(self.again),
            normal=final(self.normal),
        )
        after = final(live)
        caught = outer.raised
        for handler in stmt.handlers:
            kind = frozenset[str]() if handler.type is None else self.reads(handler.type)
            caught |= kind | outer.block(handler.body, after)
        inner = changed(outer, raised=outer.raised | caught)
        return inner.block(stmt.body, outer.block(stmt.orelse, after)) | caught

    def reads(self, node: gast.AST) -> Names:
        """The locals that the expression or simple statement reads."""
        if isinstance(node, gast.FunctionDef | gast.ClassDef):
            return self.names & _read_by_definition(node)
        names = {
            n.id
            for n in gast.walk(node)
            if isinstance(n, gast.Name) and isinstance(n.ctx, gast.Load)
        }
        if isinstance(node, gast.AugAssign):
            names |= {n.id for n in gast.walk(node.target) if isinstance(n, gast.Name)}
            names |= {getattr(node, "old", None) or ""}
        if isinstance(node, gast.Delete):
            names |= {n.id for n in gast.walk(node) if isinstance(n, gast.Name)}
        return self.names & names

    def kills(self, stmt: gast.stmt) -> Names:
        """The locals whose value before the statement is lost."""
        match stmt:
            case gast.Assign(targets=[target]):
                return self.written(target)
            case gast.FunctionDef(name=name) | gast.ClassDef(name=name):
                return frozenset({name}) - self.shared
            case _:
                return frozenset()

    def written(self, target: gast.expr) -> Names:
        """The names that a target binds, those that are always live excluded."""
        return frozenset(
            n.id
            for n in gast.walk(target)
            if isinstance(n, gast.Name) and isinstance(n.ctx, gast.Store)
        ).difference(self.shared)


def _read_by_definition(node: gast.FunctionDef | gast.ClassDef) -> Names:
    """The names that making a function or class reads, or that its code may read later."""
    if isinstance(node, gast.FunctionDef):
        own = scope(node)
        args = node.args
        parts = [*node.decorator_list, *args.defaults, *(d for d in args.kw_defaults if d)]
        inside = own.reads | own.nonlocals
    else:
        parts = [node]
        inside = frozenset()
    return inside | frozenset(
        n.id for p in parts for n in gast.walk(p) if isinstance(n, gast.Name)
    )
