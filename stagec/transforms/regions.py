"""Backward loops and branches: the statement around backward statements of a nested block.

Cotangents and rebuilt arrays are carried by a loop, and returned by a branch.  Both functions
also serve to undo the writes of a statement that has no cotangents at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stagec.errors import InternalError
from stagec.ir.build import Builder
from stagec.ir.core import Block, For, If, Operand, Stmt, Value, While, const, known, operand_of
from stagec.ir.types import INT, Type
from stagec.ir.walk import defined
from stagec.ops.arithmetic import Handle
from stagec.ops.extent import range_length
from stagec.ops.lists import list_get, list_length
from stagec.ops.rounding import floor_divide
from stagec.transforms.activity import carries, loop_params, loop_results
from stagec.transforms.contents import contents
from stagec.transforms.context import Context
from stagec.transforms.drafts import BranchDraft, Draft, LoopDraft
from stagec.transforms.residuals import Group, Residuals, choose
from stagec.transforms.resolve import Resolver, Segment, Segments
from stagec.transforms.versions import Step


@dataclass(slots=True)
class Backward:
    """The backward statements of one block, and the cotangents that they compute.

    `params` are the cotangents that the statements start from, in a loop; `results` those that
    they end with.  `head` and `tail` belong to no statement of the block.
    """

    params: list[Value] = field(default_factory=list[Value])
    results: list[Operand] = field(default_factory=list[Operand])
    head: list[Stmt] = field(default_factory=list[Stmt])
    segments: Segments = field(default_factory=dict[Stmt, Segment])
    tail: list[Stmt] = field(default_factory=list[Stmt])

    def needs(self, block: Block) -> dict[Value, int]:
        """The values that the statements use, and the position of the first user."""
        found: dict[Value, int] = {}
        for stmt in self.head:
            found.update(dict.fromkeys(contents(stmt), len(block.stmts)))
        for position, origin in reversed(list(enumerate(block.stmts))):
            segment = self.segments.get(origin)
            for stmt in segment.stmts if segment is not None else ():
                for value in contents(stmt):
                    found.setdefault(value, position)
        last = [v for stmt in self.tail for v in contents(stmt)]
        for value in (*last, *(v for v in self.results if isinstance(v, Value))):
            found.setdefault(value, -1)
        return found

    def provided(self) -> set[Value]:
        """The versions of arrays that backward statements rebuild in passing."""
        return {v for s in self.segments.values() for v in s.provides}

    def resolve(self, resolver: Resolver) -> list[Operand]:
        """Append all statements; the cotangents at the end."""
        resolver.emit(self.head)
        resolver.run(self.segments)
        resolver.emit(self.tail)
        return [resolver.get(r) for r in self.results]


def undo_step(
    context: Context, draft: Draft, builder: Builder, step: Step
) -> tuple[Value, ...]:
    """The versions before a loop or a branch of `draft`, by undoing it."""
    if isinstance(step.stmt, If):
        branch = draft.branch(step.stmt)
        _, provides = backward_branch(
            context, builder, branch, (Backward(), Backward()), (), step.carries
        )
    else:
        assert isinstance(step.stmt, For | While)
        loop = draft.loop(step.stmt)
        _, provides = backward_loop(context, builder, loop, Backward(), [], (step.carries,))
    return tuple(provides[v] for v in step.before)


# --- loops -----------------------------------------------------------------------------------


def backward_loop(
    context: Context,
    builder: Builder,
    loop: LoopDraft,
    backward: Backward,
    inits: list[Operand],
    forced: Iterable[tuple[int, ...]] = (),
) -> tuple[tuple[Value, ...], dict[Value, Value]]:
    """Append the backward loop; the final cotangents, and the versions that it rebuilds."""
    stmt = loop.stmt
    inner = Builder(loc=stmt.loc)
    counter = _Counter(loop, inner)
    names = _invariants(stmt)
    needs = backward.needs(stmt.body)
    lazy = {v: counter.index for v in stmt.body.params[:1] if isinstance(stmt, For)}
    residuals = Residuals(
        loop.body, context, needs, names.keys() | lazy.keys(), backward.provided()
    )
    groups = _chosen_groups(context, stmt, residuals, set(forced))
    rebuilt = [j for g in groups for j in g.carries]
    params = loop_params(stmt)
    versions = {j: Value(params[j].type, params[j].hint) for j in rebuilt}
    results = loop_results(stmt)
    names |= {r: v for j, v in versions.items() if isinstance(r := results[j], Value)}
    resolver = Resolver(
        loop.body,
        inner,
        names,
        residuals.stored(groups),
        groups,
        counter.fetch,
        lambda nested, step: undo_step(context, loop.body, nested, step),
        context,
        lazy,
    )
    finals = backward.resolve(resolver)
    finals += [resolver.get(params[j]) for j in rebuilt]
    outs = [Value(v.type, v.hint) for v in (*backward.params, *versions.values())]
    builder.append(
        counter.loop(
            (*inits, *(stmt.carry[j] for j in rebuilt)),
            (*backward.params, *versions.values()),
            finals,
            outs,
        )
    )
    count = len(backward.params)
    provides = zip((stmt.init[j] for j in rebuilt), outs[count:], strict=True)
    return tuple(outs[:count]), {v: out for v, out in provides if isinstance(v, Value)}


def _invariants(stmt: For | While) -> dict[Value, Operand]:
    return {p: init for init, p, result, _ in carries(stmt) if result is p}


def _chosen_groups(
    context: Context, stmt: For | While, residuals: Residuals, forced: set[tuple[int, ...]]
) -> list[Group]:
    groups = [_loop_group(context, stmt, c) for c in context.history.groups(stmt)]
    first = [g for g in groups if g.carries in forced]
    rest = [g for g in groups if g.carries not in forced]
    if first:
        return first
    return [rest[k] for k in choose([residuals], [[g] for g in rest])]


def _loop_group(context: Context, stmt: For | While, indices: tuple[int, ...]) -> Group:
    params, results = loop_params(stmt), loop_results(stmt)
    roots = tuple(r for j in indices if isinstance(r := results[j], Value))
    targets = tuple(params[j] for j in indices)
    return Group(
        indices, roots, targets, context.history.undo(stmt.body, roots).towards(targets)
    )


@dataclass(slots=True)
class _Counter:
    """The index of a backward loop, and where it is on the tapes."""

    draft: LoopDraft
    builder: Builder
    param: Value = field(init=False)
    counted: bool = field(init=False)
    _place: Operand | None = None

    def __post_init__(self) -> None:
        stmt = self.draft.stmt
        self.counted = isinstance(stmt, For) and not stmt.until
        self.param = Value(INT, "k")
        if self.counted:
            first = stmt.body.params[0]
            self.param = Value(first.type, first.hint)

    def index(self) -> Operand:
        """The index that the forward loop had in this trip."""
        stmt = self.draft.stmt
        if self.counted or not isinstance(stmt, For):
            return self.param
        step, k = (Handle(self.builder, x) for x in (stmt.step, self.param))
        if stmt.reverse:
            bounds = stmt.lo, stmt.hi, stmt.step
            count = Handle(self.builder, self.builder.add(range_length, bounds, {})[0])
            k = count - 1 - k
        return operand_of(Handle(self.builder, stmt.lo) + k * step)

    def fetch(self, value: Value) -> Operand:
        """The value on its tape."""
        tape = self.draft.tape(value)
        if self._place is None:
            self._place = self._position(tape)
        return self.builder.add(list_get, (tape, self._place), {}, value.hint)[0]

    def _position(self, tape: Value) -> Operand:
        stmt = self.draft.stmt
        if not self.counted or not isinstance(stmt, For):
            return self.param
        place: Operand = self.param
        if known(stmt.step) != 1:
            place = operand_of(_floor_divide(self.builder, self.param, stmt.lo, stmt.step))
        elif known(stmt.lo) != 0:
            lo = Handle(self.builder, stmt.lo)
            place = operand_of(Handle(self.builder, self.param) - lo)
        if stmt.reverse:
            (length,) = self.builder.add(list_length, (tape,), {})
            last = Handle(self.builder, length) - 1
            place = operand_of(last - Handle(self.builder, place))
        return place

    def loop(
        self,
        init: tuple[Operand, ...],
        params: tuple[Value, ...],
        results: list[Operand],
        outs: list[Value],
    ) -> For:
        """The statement."""
        stmt = self.draft.stmt
        body = self.builder.block((self.param, *params), results)
        if self.counted and isinstance(stmt, For):
            lo, hi, step, back = stmt.lo, stmt.hi, stmt.step, not stmt.reverse
        else:
            lo, hi, step, back = const(0), self.draft.trips(), const(1), True
        carry, loc = tuple(outs), stmt.loc
        return For(lo, hi, step, init, body, carry, reverse=back, loc=loc, free=True)


def _floor_divide(builder: Builder, end: Operand, start: Operand, step: Operand) -> Handle:
    """`(end - start) // step`."""
    handles = [Handle(builder, x) for x in (end, start, step)]
    return floor_divide(handles[0] - handles[1], handles[2])


# --- branches --------------------------------------------------------------------------------


def backward_branch(
    context: Context,
    builder: Builder,
    branch: BranchDraft,
    backward: tuple[Backward, Backward],
    types: Sequence[Type] = (),
    forced: Iterable[int] = (),
) -> tuple[tuple[Value, ...], dict[Value, Value]]:
    """Append the backward `If`; the cotangents after it, which have the types given, and the
    versions that it rebuilds.
    """
    stmt = branch.stmt
    candidates = _branch_groups(context, stmt)
    residuals = [
        Residuals(
            draft, context, b.needs(draft.block), _known_results(stmt, k).keys(), b.provided()
        )
        for k, (draft, b) in enumerate(zip(branch.sides, backward, strict=True))
    ]
    wanted = list(forced)
    if wanted:
        chosen = [c for c in candidates if c[0].carries[0] in wanted]
    else:
        chosen = [candidates[k] for k in choose(residuals, candidates)]
    blocks: list[Block] = []
    for k, side in enumerate(branch.sides):
        inner = Builder(loc=stmt.loc)
        groups = [pair[k] for pair in chosen]
        resolver = Resolver(
            side,
            inner,
            _known_results(stmt, k, [g.roots[0] for g in groups]),
            residuals[k].stored(groups),
            groups,
            lambda value, k=k: branch.result(k, value),
            lambda nested, step, side=side: undo_step(context, side, nested, step),
            context,
        )
        results = backward[k].resolve(resolver)
        results += [resolver.get(v) for g in groups for v in g.targets]
        blocks.append(inner.block((), results))
    if any(len(b.results) != len(blocks[0].results) for b in blocks):
        raise InternalError("the two sides of a backward branch disagree")
    count = len(types)
    targets = [v for pair in chosen for v in pair[0].targets]
    outs = [Value(t) for t in types]
    outs += [Value(v.type, v.hint) for v in targets]
    builder.append(If(stmt.cond, blocks[0], blocks[1], tuple(outs), stmt.loc))
    return tuple(outs[:count]), dict(zip(targets, outs[count:], strict=True))


def _known_results(stmt: If, side: int, roots: Iterable[Value] = ()) -> dict[Value, Operand]:
    """What the results that a branch computes, and `roots`, are outside."""
    block = (stmt.then, stmt.orelse)[side]
    own = {*defined(block), *roots}
    pairs = zip(block.results, stmt.outs, strict=True)
    return {r: out for r, out in pairs if isinstance(r, Value) and r in own}


def _branch_groups(context: Context, stmt: If) -> list[list[Group]]:
    found: list[list[Group]] = []
    for step in context.history.steps(stmt):
        pair: list[Group] = []
        for block in (stmt.then, stmt.orelse):
            root = block.results[step.carries[0]]
            assert isinstance(root, Value)
            undo = context.history.undo(block, (root,))
            pair.append(Group(step.carries, (root,), step.before, undo.towards(step.before)))
        found.append(pair)
    return found
