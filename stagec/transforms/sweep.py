"""The backward sweep over one block: the cotangents of its values, last statement first.

Statements are generated with direct references to forward values, also of loop bodies;
`regions` makes these available where the block is a region of a loop or branch.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeGuard, assert_never

from stagec.ir.alias import contents_used
from stagec.ir.build import Builder
from stagec.ir.core import Apply, Call, Effect, For, If, Operand, Stmt, Value, While
from stagec.ir.types import ListType, Type
from stagec.ir.walk import effectful, free_values, rename, substitute_stmt, uses
from stagec.ops.arithmetic import Handle
from stagec.transforms.activity import Activity, constant, loop_params, loop_results
from stagec.transforms.context import Context
from stagec.transforms.cotangents import Cotangents, coerce, cotangent_type, joined, shaped_like
from stagec.transforms.drafts import Draft
from stagec.transforms.parts import only_copies, part_terms, takes_part
from stagec.transforms.regions import Backward, backward_branch, backward_loop
from stagec.transforms.resolve import Segment
from stagec.transforms.rules import rule_of

CallRule = Callable[["Sweep", Call], None]


@dataclass(slots=True)
class Sweep:
    """Generates the backward statements of the block of `draft`.

    `call` differentiates calls of residual functions.
    """

    draft: Draft
    cts: Cotangents
    context: Context
    call: CallRule
    backward: Backward

    @classmethod
    def of(cls, draft: Draft, cts: Cotangents, context: Context, call: CallRule) -> Sweep:
        """A sweep that has not begun."""
        return cls(draft, cts, context, call, Backward())

    @property
    def builder(self) -> Builder:
        """The builder of the backward statements."""
        return self.cts.builder

    @property
    def active(self) -> Activity:
        """The active values."""
        return self.cts.active

    def run(self) -> None:
        """Generate the statements of every segment."""
        self.backward.head = list(self.builder.stmts)
        self.builder.origins = self.draft.producer
        made = [s for s in self.draft.block.stmts if isinstance(s, Apply)]
        self.cts.divided = frozenset(s.out for s in made if takes_part(s))
        self.cts.copies = frozenset(s.out for s in made if only_copies(s))
        for stmt in reversed(self.draft.block.stmts):
            self.builder.loc = stmt.loc
            start = len(self.builder.stmts)
            provides = self._stmt(stmt)
            made = self.builder.stmts[start:]
            if made:
                self.backward.segments[stmt] = Segment(made, provides)

    def finish(self, results: list[Operand]) -> Backward:
        """The backward statements that the results need; `tail` is what came after `run`."""
        middle = sum(len(s.stmts) for s in self.backward.segments.values())
        done = len(self.backward.head) + middle
        self.backward.tail = self.builder.stmts[done:]
        self.backward.results = results
        self._computed_already()
        live = {v for v in self.backward.results if isinstance(v, Value)}
        self.backward.tail = pruned(self.backward.tail, live)
        for segment in reversed(self.backward.segments.values()):
            segment.stmts = pruned(segment.stmts, live)
            made = {v for stmt in segment.stmts for v in stmt.outs}
            segment.provides = {k: v for k, v in segment.provides.items() if v in made}
        self.backward.head = pruned(self.backward.head, live)
        return self.backward

    def _computed_already(self) -> None:
        """Take forward values where backward statements would compute the same again.

        The residuals decide whether such a value is stored.
        """
        backward = self.backward
        found = {_key(s): s.out for s in self.draft.block.stmts if _repeatable(s)}
        names: dict[Value, Operand] = {}

        def changed(stmts: list[Stmt]) -> list[Stmt]:
            kept: list[Stmt] = []
            for stmt in stmts:
                stmt = substitute_stmt(stmt, names) if names else stmt
                same = found.get(_key(stmt)) if _repeatable(stmt) else None
                if same is None:
                    kept.append(stmt)
                else:
                    names[stmt.outs[0]] = same
            return kept

        backward.head = changed(backward.head)
        for segment in backward.segments.values():
            segment.stmts = changed(segment.stmts)
        backward.tail = changed(backward.tail)
        backward.results = [rename(r, names) for r in backward.results]

    def _stmt(self, stmt: Stmt) -> dict[Value, Value]:
        match stmt:
            case Apply():
                self._apply(stmt)
                return {}
            case Call():
                if any(self.cts.get(v) is not None for v in stmt.outs):
                    self.call(self, stmt)
                return {}
            case If():
                return self._branch(stmt)
            case For() | While():
                return self._loop(stmt)
            case _:
                assert_never(stmt)

    # --- ops -----------------------------------------------------------------------------

    def _apply(self, stmt: Apply) -> None:
        start = len(self.builder.stmts)
        for arg, term in self._terms(stmt):
            self.cts.add(arg, term)
        self.cts.done.update(stmt.outs)
        self.cts.shapes.settle(self.builder, start)

    def _terms(self, stmt: Apply) -> Iterable[tuple[Operand, Any]]:
        """The terms of the cotangents of the operands; nothing if all are zero."""
        parts = self.cts.take_parts(stmt.outs[0]) if stmt.outs else []
        if parts and only_copies(stmt):
            return [(stmt.args[0], part) for part in parts]
        if parts:
            return zip(stmt.args, part_terms(self.builder, stmt, *parts), strict=True)
        cts = [self.cts.take(v) for v in stmt.outs]
        if constant(stmt) or stmt.op.vjp is None or all(ct is None for ct in cts):
            return ()
        with rule_of(stmt):
            terms = stmt.op.vjp(
                _packed([None if ct is None else Handle(self.builder, ct) for ct in cts]),
                _packed([Handle(self.builder, v) for v in stmt.outs]),
                *(Handle(self.builder, a) for a in stmt.args),
                **stmt.kwargs,
            )
        return zip(stmt.args, terms, strict=False)

    # --- loops ---------------------------------------------------------------------------

    def _loop(self, stmt: For | While) -> dict[Value, Value]:
        carried = [j for j, p in enumerate(loop_params(stmt)) if p in self.active]
        finals = {j: self.cts.take(stmt.carry[j]) for j in carried}
        if all(ct is None for ct in finals.values()):
            return {}
        captured = [v for v in free_values(stmt.body) if v in self.active]
        params = loop_params(stmt)
        values = [params[j] for j in carried] + captured
        known = [*finals.values(), *(self.cts.get(v) for v in captured)]
        types = [
            cotangent_type(v, None if ct is None else ct.type)
            for v, ct in zip(values, known, strict=True)
        ]
        while True:
            inner, starts = self._body(stmt, carried, captured, types)
            results = [inner.cts.full(v) for v in values]
            found = [joined(t, r.type) for t, r in zip(types, results, strict=True)]
            if found == types:
                break
            types = found
        results = [coerce(inner.builder, r, t) for r, t in zip(results, types, strict=True)]
        used = [
            k for k in range(len(values)) if k < len(carried) or results[k] is not starts[k]
        ]
        backward = inner.finish([results[k] for k in used])
        backward.params = [starts[k] for k in used]
        inits = [
            self._start(
                stmt.carry[carried[k]] if k < len(carried) else values[k], known[k], types[k]
            )
            for k in used
        ]
        loop = self.draft.loop(stmt)
        loop.body = inner.draft
        outs, provides = backward_loop(self.context, self.builder, loop, backward, inits)
        for k, out in zip(used, outs, strict=True):
            if k >= len(carried):
                self.cts.set(values[k], out)
        for k, out in zip(used, outs, strict=True):
            if k < len(carried):
                self.cts.add(stmt.init[carried[k]], out)
        return provides

    def _start(self, value: Value, known: Operand | None, type: Type) -> Operand:
        start = self.cts.zeros(value) if known is None else known
        return coerce(self.builder, start, type)

    def _body(
        self, stmt: For | While, carried: list[int], captured: list[Value], types: list[Type]
    ) -> tuple[Sweep, list[Value]]:
        """The sweep over the body of a loop, and the cotangents that each trip starts from."""
        inner = Sweep.of(
            Draft(stmt.body),
            self.cts.bare(Builder(loc=stmt.loc)),
            self.context,
            self.call,
        )
        names = [loop_params(stmt)[j].hint for j in carried] + [v.hint for v in captured]
        starts = [Value(t, n and f"{n}_bar") for t, n in zip(types, names, strict=True)]
        inner.cts.current.update(zip(captured, starts[len(carried) :], strict=True))
        results = loop_results(stmt)
        for j, start in zip(carried, starts, strict=False):
            inner.cts.add(results[j], start)
        inner.run()
        return inner, starts

    # --- branches ------------------------------------------------------------------------

    def _branch(self, stmt: If) -> dict[Value, Value]:
        cts = [self.cts.take(v) for v in stmt.outs]
        if all(ct is None for ct in cts):
            return {}
        branch = self.draft.branch(stmt)
        sides = [self._side(draft, cts) for draft in branch.sides]
        touched = list(dict.fromkeys(v for side in sides for v in self._touched(side)))
        if not touched:
            return {}
        results = [[side.cts.full(v) for v in touched] for side in sides]
        pairs = zip(touched, *results, strict=True)
        types = [shaped_like(v, joined(a.type, b.type)) for v, a, b in pairs]
        first, second = (
            side.finish([coerce(side.builder, r, t) for r, t in zip(own, types, strict=True)])
            for side, own in zip(sides, results, strict=True)
        )
        outs, provides = backward_branch(
            self.context, self.builder, branch, (first, second), types
        )
        for value, out in zip(touched, outs, strict=True):
            self.cts.set(value, out)
        return provides

    def _side(self, draft: Draft, cts: list[Operand | None]) -> Sweep:
        inner = Sweep.of(
            draft,
            self.cts.nested(Builder(loc=self.builder.loc)),
            self.context,
            self.call,
        )
        for result, ct in zip(draft.block.results, cts, strict=True):
            inner.cts.add(result, None if ct is None else Handle(inner.builder, ct))
        inner.run()
        return inner

    def _touched(self, side: Sweep) -> Iterable[Value]:
        """The values whose cotangents the branch has added to."""
        return [v for v, ct in side.cts.current.items() if self.cts.get(v) is not ct]


def pruned(stmts: list[Stmt], live: set[Value]) -> list[Stmt]:
    """The statements that `live` values need; what they use is added to `live`."""
    kept: list[Stmt] = []
    for stmt in reversed(stmts):
        if live.isdisjoint(stmt.outs) and not effectful(stmt):
            continue
        live.update(uses(stmt))
        kept.append(stmt)
    kept.reverse()
    return kept


def _repeatable(stmt: Stmt) -> TypeGuard[Apply]:
    """Whether computing the op again gives the same value, which nobody can write to."""
    return (
        isinstance(stmt, Apply)
        and len(stmt.outs) == 1
        and stmt.op.effect is Effect.NONE
        and stmt.op.overwrites is None
        and any(isinstance(v, Value) for v in contents_used(stmt))
        and not isinstance(stmt.out.type, ListType)
    )


def _key(stmt: Apply) -> Hashable:
    return stmt.op, stmt.args, stmt.attrs


def _packed(handles: list[Any]) -> Any:
    return handles[0] if len(handles) == 1 else tuple(handles)
