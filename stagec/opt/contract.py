"""Arrays that are made and used within one trip of a loop lose the axis of the loop.

Example: where each trip `i` writes `t[i, :]` and reads only that, and nothing reads `t` after
the loop, a row is made in each trip.  `opt/lift` makes it once in the end.  Of zeros each trip
makes a row without content, and sets it to zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from stagec.ir.alias import path_of, path_operands
from stagec.ir.build import Builder, freeze
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, For, If, Operand, Stmt, Value, const, known
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index
from stagec.ir.rebuild import map_operands, map_regions
from stagec.ir.types import INT, ArrayType, Dim, Size, Symbol, at_least
from stagec.ir.walk import free_values, rename, uses
from stagec.ops.creation import empty, zeros, zeros_like
from stagec.ops.index_bounds import Indices
from stagec.ops.index_facts import given_sizes
from stagec.opt.elements import write_element
from stagec.opt.siblings.accesses import Accesses, followed

T = TypeVar("T")
Outside = dict[Value, set[int]]
MADE = (empty, zeros, zeros_like)


def contract(fn: Function) -> Function:
    """The function with arrays no larger than one trip needs."""
    functions = tuple(map(contract, fn.functions))
    indices = Indices.of(fn)
    outside = {
        s.outs[0]: {place.axis for place in indices.doubtful(s)}
        for s in indices.noted(fn.body)
        if isinstance(s, Apply) and path_of(s)
    }
    body = _contracted(fn.body, given_sizes(fn.params), outside)
    return replace(fn, body=body, functions=functions)


def _contracted(block: Block, given: Collection[Symbol], outside: Outside) -> Block:
    """The block with smaller arrays; `given` are the symbols that may be negative."""
    narrower = _Narrower(outside)
    made = {s.out: s for s in block.stmts if isinstance(s, Apply) and s.op in MADE}
    used = Counter(mentioned(block))
    for loop in block.stmts:
        for k, init in enumerate(loop.init if isinstance(loop, For) else ()):
            assert isinstance(loop, For)
            if init not in made or used[loop.carry[k]]:
                continue
            assert isinstance(init, Value)
            alone = loop.init.count(init) == 1 and init not in free_values(loop.body)
            found = followed(loop, {loop.body.params[1 + k]})
            if used[init] == 1 and alone and found is not None:
                narrower.take(made[init], loop, k, found, given)
    depths: dict[Operand, int] = {
        narrower.names[array]: depth for array, depth in narrower.private.items()
    }
    block = _moved_in(narrower.block(block), depths)
    return replace(
        block,
        stmts=tuple(
            map_regions(s, lambda b: _contracted(b, given, outside)) for s in block.stmts
        ),
    )


def _moved_in(block: Block, depths: Mapping[Operand, int]) -> Block:
    """The block with the arrays that serve one trip made in the trips, which are then apart.

    `depths` says how many loops deep each array belongs.
    """
    made: dict[Operand, Apply] = {
        s.out: s
        for s in block.stmts
        if isinstance(s, Apply) and s.op in MADE and depths.get(s.out)
    }
    if not made:
        return block
    stmts = (s for s in block.stmts if s not in made.values())
    return replace(
        block,
        stmts=tuple(_with_own(s, made, depths) if isinstance(s, For) else s for s in stmts),
    )


def _with_own(loop: For, made: Mapping[Operand, Apply], depths: Mapping[Operand, int]) -> For:
    """The loop making those of the arrays that it carries in each trip."""
    kept = [k for k, init in enumerate(loop.init) if init not in made]
    own = {
        param: init
        for init, param in zip(loop.init, loop.body.params[1:], strict=True)
        if init in made
    }
    if not own:
        return loop
    body = loop.body
    params = (body.params[0], *(body.params[1 + k] for k in kept))
    results = (*(body.results[k] for k in kept), *body.results[len(loop.init) :])
    deeper: dict[Operand, int] = {param: depths[init] - 1 for param, init in own.items()}
    here = Builder()
    for param, init in own.items():
        _make(here, replace(made[init], outs=(param,)), not deeper[param])
    inside = Block(params, (*here.stmts, *body.stmts), results)
    return replace(
        loop,
        init=tuple(loop.init[k] for k in kept),
        body=_moved_in(inside, deeper),
        carry=tuple(loop.carry[k] for k in kept),
    )


def _make(builder: Builder, made: Apply, last: bool) -> None:
    """Add what makes the array; at its last place zeros are written by loops."""
    builder.loc = made.loc
    if made.op is empty or not last:
        builder.append(made)
        return
    array = Value(made.out.type, made.out.hint)
    builder.append(replace(made, op=empty, outs=(array,)))
    plan = made.kwargs["shape"]
    lengths = [made.args[n.position] if isinstance(n, Arg) else const(n) for n in plan]
    _fill(builder, array, made.out, lengths, ())


def _fill(
    builder: Builder,
    array: Value,
    out: Value,
    lengths: Sequence[Operand],
    where: tuple[Value, ...],
) -> None:
    """Add loops along the axes from the next on, which make `out` of the array."""
    index, inner, result = Value(INT), *(Value(out.type, out.hint) for _ in range(2))
    body, at = builder.nested(), (*where, index)
    if len(at) < len(lengths):
        _fill(body, inner, result, lengths, at)
    else:
        result = write_element(body, inner, const(0), at, out.hint)
    block, end = body.block((index, inner), (result,)), lengths[len(where)]
    builder.append(For(const(0), end, const(1), (array,), block, (out,), loc=builder.loc))


def _column(loop: For, k: int) -> Iterator[For]:
    """The loop, and the loops inside of it that do all that is done to what it carries."""
    while True:
        yield loop
        param = loop.body.params[1 + k]
        users = [s for s in loop.body.stmts if param in uses(s)]
        inner = users[0] if len(users) == 1 else None
        if not isinstance(inner, For) or inner.init.count(param) != 1:
            return
        k = inner.init.index(param)
        loop = inner


@dataclass(slots=True)
class _Narrower:
    """Takes axes from arrays, where no index can be outside.

    Attributes
    ----------
    outside : the axes at which reads and writes may be outside of their array, by results.
    names : the smaller array for each version of one.
    axes : the axes that it loses.
    private : in how many loops, from the outermost on, each trip uses nothing of an array but
        what it wrote.
    """

    outside: Outside
    names: dict[Value, Operand] = field(default_factory=dict[Value, Operand])
    axes: dict[Operand, set[int]] = field(default_factory=dict[Operand, set[int]])
    private: dict[Value, int] = field(default_factory=dict[Value, int])

    def take(
        self, made: Apply, loop: For, k: int, found: Accesses, given: Collection[Symbol]
    ) -> None:
        """Have the array smaller that `found` is all about, if it can be."""
        array, kind = made.out, made.out.type
        assert isinstance(kind, ArrayType)
        if found.measured or not all(map(_element, found.found)):
            return
        own: set[int] = set()
        levels: list[set[int]] = []
        for level in _column(loop, k):
            axes = found.own_axes(level.body.params[0])
            if not axes or not _counts(level):
                break  # trips of this loop share elements, and all inner loops with them
            own |= axes
            levels.append(axes)
        # an index that is outside has to raise
        own -= {axis for s in found.found for axis in self.outside[s.outs[0]]}
        gone = {axis for axis in own if natural(kind.shape[axis], given)}
        if len(gone) == kind.rank:
            gone.discard(max(gone))
        if not gone or None in _without(_lengths(made), gone):
            return
        private = next(
            (k for k, axes in enumerate(levels) if gone.isdisjoint(axes)), len(levels)
        )
        if made.op is not empty and not gone <= set[int]().union(*levels[:private]):
            return  # no trip begins with zeros
        self.private[array] = private
        shape = tuple(d for axis, d in enumerate(kind.shape) if axis not in gone)
        for version in (array, loop.carry[k], *found.versions):
            self.names[version] = Value(replace(version.type, shape=shape), version.hint)  # type: ignore[type-var]
            self.axes[version] = gone

    def block(self, block: Block) -> Block:
        """The block with the smaller arrays."""
        if not self.names:
            return block
        params, results = self.values(block.params), block.results
        stmts = tuple(map(self.stmt, block.stmts))
        return Block(params, stmts, tuple(rename(r, self.names) for r in results))

    def values(self, values: tuple[Value, ...]) -> tuple[Value, ...]:
        """The values, or the smaller arrays for them."""
        return tuple(self.names.get(v, v) for v in values)  # type: ignore[misc]

    def stmt(self, stmt: Stmt) -> Stmt:
        """The statement with the smaller arrays."""
        if isinstance(stmt, Apply) and len(stmt.outs) == 1:
            stmt = self.apply(stmt)
        stmt = map_operands(stmt, lambda v: rename(v, self.names))
        stmt = map_regions(stmt, self.block)
        if isinstance(stmt, For):
            return replace(stmt, carry=self.values(stmt.carry))
        return (
            replace(stmt, outs=self.values(stmt.outs)) if isinstance(stmt, Apply | If) else stmt
        )

    def apply(self, stmt: Apply) -> Apply:
        """The op without the lengths or indices of axes that are gone."""
        if stmt.op in MADE and stmt.out in self.axes:
            kept = _without(_lengths(stmt), self.axes[stmt.out])
            plan, args = _plan([n for n in kept if n is not None], stmt.args)
            op = empty if stmt.op is empty else zeros
            return replace(stmt, op=op, args=args, attrs=freeze({**stmt.kwargs, "shape": plan}))
        if stmt.args and stmt.args[0] in self.axes:
            (step,) = stmt.kwargs["path"]
            index = path_operands(stmt)
            first = len(stmt.args) - len(index)
            gone = self.axes[stmt.args[0]]
            kept = _without(step.items, gone)
            plan, args = _plan(kept, index)
            left = (a - sum(g < a for g in gone) for a in self.outside[stmt.out])
            self.outside[rename(stmt.out, self.names)] = set(left)  # type: ignore[index]
            attrs = freeze({**stmt.kwargs, "path": (Index(plan),)})
            return replace(stmt, args=(*stmt.args[:first], *args), attrs=attrs)
        return stmt


def _counts(loop: For) -> bool:
    """Whether the index is never negative: then each index is another element."""
    lo, step = known(loop.lo), known(loop.step)
    return isinstance(lo, int) and isinstance(step, int) and lo >= 0 and step > 0


def natural(dim: Dim, given: Collection[Symbol]) -> bool:
    """Whether the length is never negative: making the array cannot fail for it."""
    if isinstance(dim, Size) and any(symbol in given for symbol, _ in dim.terms):
        return False
    least = at_least(dim)
    return least is not None and least >= 0


def _lengths(made: Apply) -> tuple[int | Arg | None, ...]:
    """The lengths of the axes of a new array; None where no integer says it."""
    if made.op is zeros_like:
        kind = made.out.type
        assert isinstance(kind, ArrayType)
        return tuple(dim if isinstance(dim, int) else None for dim in kind.shape)
    return made.kwargs["shape"]


def _element(stmt: Apply) -> bool:
    """Whether the op reads or writes one element."""
    path, kind = path_of(stmt), stmt.args[0].type
    assert isinstance(kind, ArrayType)
    return (
        path is not None
        and len(path) == 1
        and isinstance(path[0], Index)
        and len(path[0].items) == kind.rank
        and all(isinstance(item, int | Arg) for item in path[0].items)
    )


def _without(items: Sequence[T], gone: Collection[int]) -> list[T]:
    return [item for axis, item in enumerate(items) if axis not in gone]


def _plan(
    items: Sequence[int | Arg], operands: Sequence[Operand]
) -> tuple[tuple[int | Arg, ...], tuple[Operand, ...]]:
    """The items with their operands numbered anew, and those operands."""
    kept = [item.position for item in items if isinstance(item, Arg)]
    plan = tuple(Arg(kept.index(i.position)) if isinstance(i, Arg) else i for i in items)
    return plan, tuple(operands[position] for position in kept)
