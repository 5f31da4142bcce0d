"""Arrays that kernels make and run through along the first axis get it contiguous in memory.

    q = np.zeros((n, m))                        q = np.zeros((m, n)).T
    for k in ...:                               for k in ...:
        for i in ...:               ->              for i in ...:
            q[i, k] = ...                               q[i, k] = ...

Only arrays of which nothing but elements is used, so that nobody sees the difference; an array
that the kernel returns is copied if the loops are deep enough to be worth it.  The pass is run
after bufferisation: what it makes is a view that is written to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Value, While, known
from stagec.ir.function import Function
from stagec.ir.origins import Origins
from stagec.ir.rebuild import map_regions
from stagec.ir.types import Size, rank_of
from stagec.ir.walk import counted, regions, statements
from stagec.ops.axes import transpose
from stagec.ops.copying import copy
from stagec.ops.extent import extent
from stagec.ops.filling import MADE
from stagec.ops.index_facts import IndexFacts, given_sizes
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.elements import indices_of, is_element

WEIGHT = 16  # trips of a loop, where only its depth is known
FEW = 8  # trips
DEEP = 3  # loops that are worth a copy of the array


def layout(fn: Function) -> Function:
    """The function whose kernels have their arrays in the order in which they use them."""
    functions = tuple(map(layout, fn.functions))
    fn = replace(fn, functions=functions)
    return _of_kernel(fn) if fn.kernel else fn


def _of_kernel(fn: Function) -> Function:
    origins = Origins.of_block(fn.body)
    found = {
        s.out: s
        for s in statements(fn.body)
        if isinstance(s, Apply) and (s.op is copy or s.op in MADE) and rank_of(s.out.type) > 1
    }
    whole = set(_seen_whole(fn.body, origins))
    found = {v: s for v, s in found.items() if v not in whole}
    if not found:
        return fn
    votes = _Votes(origins, found, IndexFacts(given_sizes(fn.params), "axis"))
    votes.block(fn.body, 0)
    returned = {origins.first(r) for r in fn.results}
    chosen = {s for v, s in found.items() if votes.first_axis(v, v in returned)}
    if not chosen:
        return fn
    body = _turned(fn.body, chosen)
    turned = {s.out for s in chosen}
    builder = Builder(list(body.stmts))
    results = [
        builder.add(copy, (r,), {}, r.hint)[0]
        if isinstance(r, Value) and origins.first(r) in turned
        else r
        for r in body.results
    ]
    return replace(fn, body=builder.block(body.params, results))


# --- what is used of an array ----------------------------------------------------------------


def _seen_whole(block: Block, origins: Origins) -> Iterator[Operand]:
    """The arrays of which something else than elements and lengths is used."""
    for stmt in block.stmts:
        match stmt:
            case Apply(op=op, args=args):
                ours = op is extent or (op in (read, update, accumulate) and is_element(stmt))
                yield from map(origins.first, args[1:] if ours else args)
            case Call(args=args):
                yield from map(origins.first, args)
            case If(then=then, orelse=orelse, outs=outs):
                for results in (then.results, orelse.results):
                    yield from _others(results, outs, origins)
            case For(init=init, body=body):
                params = body.params[1:]
                yield from _others(init, params, origins)
                yield from _others(body.results, params, origins)
            case While(init=init, body=body, cond=cond):
                yield from _others(init, body.params, origins)
                yield from _others(init, cond.params, origins)
                yield from _others(body.results, body.params, origins)
        for region in regions(stmt):
            yield from _seen_whole(region, origins)


def _others(
    given: tuple[Operand, ...], taken: tuple[Value, ...], origins: Origins
) -> Iterator[Operand]:
    """The arrays that are not just passed on as what they are."""
    for a, b in zip(given, taken, strict=False):
        if origins.first(a) is not origins.first(b):
            yield origins.first(a)


# --- along which axis loops run --------------------------------------------------------------


@dataclass(slots=True)
class _Votes:
    """How often innermost loops run along the axes of arrays."""

    origins: Origins
    arrays: dict[Value, Apply]
    facts: IndexFacts
    count: Counter[tuple[Operand, int]] = field(
        default_factory=lambda: Counter[tuple[Operand, int]]()
    )
    depth: Counter[Operand] = field(default_factory=lambda: Counter[Operand]())

    def block(self, block: Block, depth: int, loop: For | None = None) -> None:
        """Count in a block so deep; `loop` is the innermost one around it."""
        for stmt in block.stmts:
            match stmt:
                case Apply():
                    self.facts.note(stmt)
                    if loop is not None and stmt.op in (read, update, accumulate):
                        self.access(stmt, depth, loop)
                case For(body=body):
                    self.facts.index(stmt)
                    alone = None if _has_loops(body) else stmt
                    around = loop is not None and _unrolled(stmt)
                    self.block(body, depth + 1, loop if around else alone)
                case While(body=body):
                    self.block(body, depth + 1)
                case _:
                    for region in regions(stmt):
                        self.block(region, depth, loop)

    def access(self, stmt: Apply, depth: int, loop: For) -> None:
        """Count what is read or written."""
        array = self.origins.first(stmt.args[0])
        index = self.facts.of(loop.body.params[0])
        if array not in self.arrays or not isinstance(index, Size) or not is_element(stmt):
            return
        ((symbol, _),) = index.terms
        for axis, operand in indices_of(stmt):
            at = self.facts.of(operand)
            if isinstance(at, Size) and symbol in dict(at.terms):
                self.count[array, axis] += WEIGHT**depth
                self.depth[array] = max(self.depth[array], depth)

    def first_axis(self, array: Value, returned: bool) -> bool:
        """Whether most loops run along the first axis, and are worth a copy if need be."""
        rest = sum(self.count[array, k] for k in range(1, rank_of(array.type)))
        return self.count[array, 0] > rest and (not returned or self.depth[array] >= DEEP)


def _has_loops(block: Block) -> bool:
    return any(isinstance(s, For | While) and not _unrolled(s) for s in statements(block))


def _unrolled(loop: For | While) -> bool:
    """Whether the loop only computes numbers on a few trips, so that LLVM makes it no loop.

    The loop around it is the innermost one then, whose trips become vectors.
    """
    if isinstance(loop, While) or not counted(loop):
        return False
    trips = known(loop.hi)
    inside = list(statements(loop.body))
    few = isinstance(trips, int) and trips <= FEW
    return few and all(isinstance(s, Apply) and s.op.overwrites is None for s in inside)


# --- arrays with their axes turned around ----------------------------------------------------


def _turned(block: Block, chosen: set[Apply]) -> Block:
    """The block with these arrays made as views of others."""
    stmts: list[Stmt] = []
    for stmt in block.stmts:
        if isinstance(stmt, Apply) and stmt in chosen:
            stmts += _view(stmt)
        else:
            stmts.append(map_regions(stmt, lambda inner: _turned(inner, chosen)))
    return replace(block, stmts=tuple(stmts))


def _view(stmt: Apply) -> list[Stmt]:
    """The array as a view of one whose axes are in the other order."""
    axes = tuple(reversed(range(rank_of(stmt.out.type))))
    builder = Builder(loc=stmt.loc)
    if stmt.op is copy:
        given = builder.add(transpose, stmt.args, {"axes": axes})
        (made,) = builder.add(copy, given, {})
    else:
        attrs = {**stmt.kwargs, "shape": tuple(reversed(stmt.kwargs["shape"]))}
        (made,) = builder.add(stmt.op, stmt.args, attrs)
    builder.append(Apply(transpose, (made,), (("axes", axes),), (stmt.out,), stmt.loc))
    return builder.stmts
