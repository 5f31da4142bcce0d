"""`for` and `while`: what is iterated, and whether the loop is staged, unrolled or peeled."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stagec.errors import Loc
from stagec.frontend import containers, iterators, library, loops, numpy_calls
from stagec.frontend.calls import code_of, nested_code, run_body
from stagec.frontend.changes import Changes, attempted
from stagec.frontend.counting import counted, counting
from stagec.frontend.expressions import evaluate
from stagec.frontend.iterables import Item, indexed, mixed, rebased, turned, value_of
from stagec.frontend.loops import ended, needed_names, resumed, stage
from stagec.frontend.machine import LIMITS, AliasClash, Frame, Machine, NeedUnroll
from stagec.frontend.raising import unwatched
from stagec.frontend.state import (
    RESULT,
    Branch,
    Exit,
    Leaf,
    Outward,
    State,
    Tree,
    extend,
    leaves,
    then_do,
)
from stagec.frontend.unify import Unjoinable, as_operand
from stagec.frontend.unrolling import PEELS, live_list, need_few, settled, unrolled, unsettled
from stagec.frontend.values import (
    Generator,
    Items,
    Known,
    Mapped,
    Number,
    Ref,
    Value,
    Zipped,
)
from stagec.ir.core import Const, const
from stagec.ops.extent import range_length


def run_for(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    """The paths after a `for` statement."""
    value = evaluate(m, frame, stmt.iter, state)
    state.builder.loc = loc
    value = iterators.iterated(m, state, value, loc)
    value = turned(iterators.taken(m, state, value, loc, iterators.to_the_end(stmt)))
    if isinstance(value, Mapped):
        helper = library.filter_ if value.filter else library.map_
        value = m.call_value(state, helper, (value.function, *value.parts), {}, loc)
    if isinstance(value, Zipped):
        value = iterators.zipped(m, state, value, loc)
    if isinstance(value, Generator):
        return consume(m, stmt, frame, value, state, loc)
    outer = m.iterated.get(id(stmt))  # of a call of the same function around this one
    iterated = m.iterated[id(stmt)] = m.new_cell(state, value)
    tree = run_over(m, stmt, frame, value, state, loc)
    if outer is not None:
        m.iterated[id(stmt)] = outer
    for leaf in leaves(tree):
        leaf.state.cells.pop(iterated, None)
    return tree


def run_over(m: Machine, stmt: Any, frame: Frame, value: Value, state: State, loc: Loc) -> Tree:
    """The paths after a loop over a value that a cell holds while the loop runs: a write to
    what is iterated must be seen in the trips that follow, whatever the names are by then.
    """

    def body(s: State, item: Value) -> Tree:
        tree = m.assign(m, frame, stmt.target, item, s, loc)
        return resumed(then_do(tree, lambda t: m.run(stmt.body, frame, t)))

    held = state.cells[value.cell] if isinstance(value, Ref) else None
    if isinstance(value, Ref) and isinstance(held, Items) and issubclass(value.cls, list):
        return live_list(m, stmt, frame, value, state, body, loc)
    staged = indexed(m, state, value, loc)
    if staged is None and isinstance(value, Zipped):
        items, size = mixed(m, state, value.parts, loc)
        need_few(len(items), loc)
        return bounded(m, stmt, frame, items, size, state, body, loc)
    if staged is None:
        return unrolled(
            m, stmt, frame, containers.unpack(m, state, value, loc), state, body, loc
        )
    return run_indexed(m, stmt, frame, staged, state, body, loc, 0)


def bounded(
    m: Machine, stmt: Any, frame: Frame, items: list[Item], size: Value, state: State,
    body: Callable[[State, Value], Tree], loc: Loc, done: int = 0,
) -> Tree:  # fmt: skip
    """As many trips as there are items, each by itself, unless a staged length ends them."""
    if done == len(items):
        return ended(m, frame, stmt, Leaf(state))

    def trip(s: State) -> Tree:
        return extend(
            settled(m, frame, stmt, body(s, items[done](s))),
            lambda leaf: after_trip(leaf, rest),
        )

    def rest(s: State) -> Tree:
        return bounded(m, stmt, frame, items, size, s, body, loc, done + 1)

    some = numpy_calls.apply(m, state, operator.lt, (Known(done), size), {}, loc)
    return trip_or_end(m, stmt, frame, state, some, trip, loc)


def trip_or_end(
    m: Machine, stmt: Any, frame: Frame, state: State, some: Value,
    trip: Callable[[State], Tree], loc: Loc,
) -> Tree:  # fmt: skip
    """A trip where `some` is true, else the end of the loop."""
    truth = m.truth(state, some, loc)
    if isinstance(truth, bool):
        return trip(state) if truth else ended(m, frame, stmt, Leaf(state))
    then, orelse = state.fork(), state.fork()
    return Branch(state, truth, trip(then), ended(m, frame, stmt, Leaf(orelse)), loc)


def after_trip(leaf: Leaf, further: Callable[[State], Tree]) -> Tree:
    """What follows a trip: `further` trips, unless it left the loop."""
    if leaf.exit is Exit.NORMAL:
        return further(leaf.state)
    return Leaf(leaf.state) if leaf.exit is Exit.BREAK else leaf


def run_indexed(
    m: Machine, stmt: Any, frame: Frame, it: loops.Staged_, state: State,
    body: Callable[[State, Value], Tree], loc: Loc, peeled: int,
) -> Tree:  # fmt: skip
    """A loop over indices: staged if possible, else unrolled or peeled."""
    count = loops.trips(it)
    if count == 0:
        return ended(m, frame, stmt, Leaf(state))

    def trip(s: State, index: Value) -> Tree:
        return body(s, element(m, it, s, index))

    if count is not None and (count == 1 or m.decided("unroll", id(stmt))):
        indices = range(it.lo.value, it.hi.value, it.step)  # type: ignore[union-attr]
        order = reversed(indices) if it.reverse else indices
        return unrolled(m, stmt, frame, [Known(k) for k in order], state, trip, loc)
    try:
        after = loops.else_clause(m, frame, stmt)
        with counting(m, stmt, it):
            shape = loops.for_shape(m, frame, stmt, it, loc, trip, after)
            return stage(m, frame, shape, state)
    except AliasClash:
        if peeled >= PEELS:
            raise
        it = rebased(m, state, it, loc) if it.reverse else it
        return turning(m, stmt, frame, it, state, body, loc)
    except NeedUnroll as need:
        if id(stmt) not in need.loops or not counted(m, state, it, loc):
            raise
        if (count or 0) > LIMITS["unroll"]:
            raise need.error from None
        m.decisions.add(("unroll", id(stmt)))
        return run_indexed(m, stmt, frame, it, state, body, loc, peeled)
    except Unjoinable as clash:
        if peeled >= PEELS:
            if count is not None and count <= LIMITS["unroll"]:
                m.decisions.add(("unroll", id(stmt)))
                return run_indexed(m, stmt, frame, it, state, body, loc, peeled)
            counted(m, state, it, loc)
            raise unsettled(clash, loc) from None
    it = rebased(m, state, it, loc) if it.reverse else it
    args = m, stmt, frame, it, state, body, loc, peeled
    parts = attempted(m, stmt, state, peeled, lambda changes: changing(*args, changes))
    return parts or peel(*args)


def element(m: Machine, it: loops.Staged_, state: State, index: Value) -> Value:
    """What a trip gets: there is one for its index."""
    with unwatched(m):
        return it.element(state, index)


def changing(
    m: Machine, stmt: Any, frame: Frame, it: loops.Staged_, state: State,
    body: Callable[[State, Value], Tree], loc: Loc, peeled: int, changes: Changes,
) -> Tree:  # fmt: skip
    """The trips that keep the forms of variables as one loop, then the rest of the trips."""

    def trip(s: State, index: Value) -> Tree:
        changes.index = index
        return body(s, element(m, it, s, index))

    def further(s: State, index: Value) -> Tree:
        return run_indexed(
            m, stmt, frame, behind(m, s, it, index, loc), s, body, loc, peeled + 1
        )

    after = loops.else_clause(m, frame, stmt)
    with counting(m, stmt, it):
        shape = loops.for_shape(m, frame, stmt, it, loc, trip, after)
        made = stage(m, frame, replace(shape, sort=changes.sort), state)
    return changes.opened(made, further)


def behind(
    m: Machine, state: State, it: loops.Staged_, index: Value, loc: Loc
) -> loops.Staged_:
    """The indices behind one of them."""
    lo = numpy_calls.apply(m, state, operator.add, (index, Known(it.step)), {}, loc)
    return loops.Staged_(as_operand(lo), it.hi, it.step, False, it.element)  # type: ignore[arg-type]


def peel(
    m: Machine, stmt: Any, frame: Frame, it: loops.Staged_, state: State,
    body: Callable[[State, Value], Tree], loc: Loc, peeled: int,
) -> Tree:  # fmt: skip
    """One trip by itself, then the rest of the loop."""

    def first(s: State) -> Tree:
        index = Known(it.lo.value) if isinstance(it.lo, Const) else Number(it.lo)
        tree = settled(m, frame, stmt, body(s, element(m, it, s, index)))
        return extend(tree, lambda leaf: after_trip(leaf, rest))

    def rest(s: State) -> Tree:
        after = behind(m, s, it, value_of(it.lo), loc)
        return run_indexed(m, stmt, frame, after, s, body, loc, peeled + 1)

    if loops.surely_some(it):
        return first(state)
    compare = operator.lt if it.step > 0 else operator.gt
    some = numpy_calls.apply(m, state, compare, (value_of(it.lo), value_of(it.hi)), {}, loc)
    return trip_or_end(m, stmt, frame, state, some, first, loc)


def turning(
    m: Machine, stmt: Any, frame: Frame, it: loops.Staged_, state: State,
    body: Callable[[State, Value], Tree], loc: Loc,
) -> Tree:  # fmt: skip
    """A loop that writes to an array by a name which stands for another one in other trips:
    they come round, or only the first trip has an array of its own.
    """
    before, mark = dict(state.cells), len(state.builder.stmts)
    try:
        return periodic(m, stmt, frame, it, state, body, loc, 2)
    except AliasClash:
        state.cells = before
        del state.builder.stmts[mark:]
        return peel(m, stmt, frame, it, state, body, loc, PEELS - 1)


def periodic(
    m: Machine, stmt: Any, frame: Frame, it: loops.Staged_, state: State,
    body: Callable[[State, Value], Tree], loc: Loc, period: int,
) -> Tree:  # fmt: skip
    """A loop whose names come round to the same arrays only every `period` trips: that many
    trips at a time, then the remaining ones by themselves.
    """

    def arithmetic(s: State, op: Any, a: Value, b: int) -> Value:
        return numpy_calls.apply(m, s, op, (a, Known(b)), {}, loc)

    def index(s: State, trip: Value) -> Value:
        scaled = arithmetic(s, operator.mul, trip, it.step)
        return numpy_calls.apply(m, s, operator.add, (value_of(it.lo), scaled), {}, loc)

    def trips(s: State, group: Any) -> Tree:
        tree: Tree = Leaf(s)
        for j in range(period):
            tree = then_do(tree, lambda t, j=j: body(t, element(m, it, t, index(t, arithmetic(
                t, operator.add, arithmetic(t, operator.mul, group, period), j)))))  # fmt: skip
            tree = settled(m, frame, stmt, tree)
        return tree

    bounds = (m.handle(state, o) for o in (it.lo, it.hi, const(it.step)))
    count = m.wrap(state, range_length(*bounds))
    groups = arithmetic(state, operator.floordiv, count, period)
    rest = arithmetic(state, operator.mod, count, period)

    def remaining(s: State, j: int) -> Tree:
        if j == period - 1:
            return ended(m, frame, stmt, Leaf(s))
        more = m.truth(s, arithmetic(s, operator.gt, rest, j), loc)
        assert not isinstance(more, bool)
        then, orelse = s.fork(), s.fork()
        done = arithmetic(then, operator.mul, groups, period)
        tree = body(
            then, element(m, it, then, index(then, arithmetic(then, operator.add, done, j)))
        )

        tree = extend(tree, lambda leaf: after_trip(leaf, lambda t: remaining(t, j + 1)))
        return Branch(s, more, tree, ended(m, frame, stmt, Leaf(orelse)), loc)

    grouped = loops.Staged_(const(0), as_operand(groups), 1, False, it.element)  # type: ignore[arg-type]
    shape = loops.for_shape(m, frame, stmt, grouped, loc, trips, lambda s: remaining(s, 0))
    try:
        return stage(m, frame, shape, state)
    except AliasClash:
        if period >= PEELS:
            raise
        return periodic(m, stmt, frame, it, state, body, loc, period + 1)


# -- generators -------------------------------------------------------------------------------


def consume(
    m: Machine, stmt: Any, frame: Frame, generator: Generator, state: State, loc: Loc
) -> Tree:
    """A loop over a generator: its body runs the loop's body at each yield."""
    f = generator.function
    code = nested_code(f.node) if f.code.function is None else code_of(f.code.function)[0]
    handlers = list(m.handlers)

    def at_yield(value: Value, s: State, where: Loc) -> Tree:
        tree = m.assign(m, frame, stmt.target, value, s, loc)
        inside, m.handlers = m.handlers, handlers
        try:
            with m.resumed(frame):
                tree = resumed(then_do(tree, lambda t: m.run(stmt.body, frame, t)))
        finally:
            m.handlers = inside
        return extend(tree, outward)

    inner = Frame(
        *(generator.scope, code.info, f.code, f.node.name, RESULT, code.live, code.head),
        *(at_yield, frame.depth + 1, frame, needed_names(frame, stmt)),
    )
    tree = run_body(m, inner, code, state, loc)

    def back(leaf: Leaf) -> Tree:
        if leaf.exit is Exit.NORMAL:
            leaf.state.cells.pop(RESULT, None)
            return m.run(stmt.orelse, frame, leaf.state) if stmt.orelse else leaf
        if isinstance(leaf.exit, Outward):
            exit = leaf.exit.exit
            return Leaf(leaf.state, Exit.NORMAL if exit is Exit.BREAK else exit, leaf.raised)
        return leaf

    return extend(tree, back)


def outward(leaf: Leaf) -> Leaf:
    """The path out of the body of a loop over a generator, as the generator sees it."""
    through = isinstance(leaf.exit, Outward) or leaf.exit in (Exit.BREAK, Exit.RETURN)
    through |= leaf.raised is not None  # the generator does not catch it
    return Leaf(leaf.state, Outward(leaf.exit), leaf.raised) if through else leaf
