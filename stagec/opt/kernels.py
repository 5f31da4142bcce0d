"""Outlining: what a machine can run fast moves into functions that are compiled.

A kernel is a run of consecutive statements that all have a form in compiled code, with a loop
among them or so many that calling compiled code takes less time.  The rest stays as it is and
calls the kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from stagec.ir.build import Builder
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Operand,
    Stmt,
    Value,
)
from stagec.ir.flows import maybe_unset
from stagec.ir.function import Function
from stagec.ir.origins import Origins
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, same
from stagec.ir.walk import clone, free_values, operands, regions, statements, uses
from stagec.ops.cast import astype, to_numpy
from stagec.ops.expansion import expanded
from stagec.ops.extent import extent
from stagec.opt.elements import as_returned, is_size
from stagec.opt.fingerprint import fingerprint
from stagec.opt.memory import allocates
from stagec.opt.pieces import pieces
from stagec.opt.returned import returned
from stagec.opt.runs import (
    ALONE,
    WORTH,
    compiles,
    has_list,
    loops,
    makes_integers,
    makes_memory,
    numbers_only,
    of_numbers,
    passes,
    python_time,
)


def kernels(fn: Function) -> Function:
    """The function with its loops moved into kernels, where that can be done."""
    return _outlined(fn, {f.name for f in named(fn)})


def named(fn: Function) -> Iterator[Function]:
    """The function and those below it."""
    yield fn
    for inner in fn.functions:
        yield from named(inner)


def _outlined(fn: Function, taken: set[str]) -> Function:
    whole, apart = returned(fn.body)
    outliner = _Outliner(fn, taken, apart)
    body = outliner.block(whole)
    inner = tuple(_outlined(f, taken) for f in fn.functions)
    return replace(fn, body=body, functions=(*inner, *outliner.made.values()))


class _Outliner:
    """Collects the kernels of one function.

    Attributes
    ----------
    apart : statements that stay outside.
    sizes : how integers are computed from sizes.
    hidden : what kernels compute for themselves alone.
    """

    def __init__(self, fn: Function, taken: set[str], apart: set[Stmt]) -> None:
        self.name = fn.name
        self.params = fn.params
        self.lengths = dict(fn.lengths)
        self.taken = taken
        self.apart = apart
        self.unset = maybe_unset(fn.body)
        self.least = ALONE if all(map(numbers_only, fn.body.stmts)) else WORTH
        self.made: dict[str, Function] = {}
        self.sizes: dict[Value, Apply] = {}
        self.hidden: set[Operand] = set()

    def block(self, block: Block) -> Block:
        """The block with its runs of statements as calls."""
        stmts: list[Stmt] = []
        run: list[Stmt] = []
        for k, stmt in enumerate((*block.stmts, None)):
            if isinstance(stmt, Apply) and is_size(stmt):
                self.sizes[stmt.outs[0]] = stmt
            if stmt is not None and stmt not in self.apart and _fits(stmt):
                run.append(stmt)
                continue
            rest = Block((), block.stmts[k:], block.results)
            stmts += self.outlined(run, rest)
            run = []
            if stmt is not None:
                stmts.append(map_regions(stmt, self.block))
        return replace(block, stmts=tuple(stmts))

    def outlined(self, run: list[Stmt], rest: Block) -> list[Stmt]:
        """The run as a call of a new kernel; as it is if it is not worth one."""
        if any(map(loops, run)):
            core = [k for k, s in enumerate(run) if loops(s) or makes_memory(s)]
        elif any(map(makes_integers, run)):
            return self.parts(run, rest, makes_integers)
        elif sum(map(python_time, run)) < self.least:
            return run
        else:
            core = [k for k, s in enumerate(run) if python_time(s)]
        first, end = core[0], core[-1] + 1
        while first and (numbers_only(run[first - 1]) or is_size(run[first - 1])):
            first -= 1
        while end < len(run) and numbers_only(run[end]):
            end += 1
        sizes, inner = early_sizes(run[first:end])
        before, run, after = [*run[:first], *sizes], inner, run[end:]
        rest = replace(rest, stmts=(*after, *rest.stmts))
        apart = pieces(self.integers(run), run, self.lengths)
        found = self.each(apart, rest) if len(apart) > 1 else self.whole(run, rest)
        if found is None:
            # lists do not pass between kernels and their callers
            found = self.parts(run, rest, has_list) if any(map(has_list, run)) else run
        return [*before, *found, *after]

    def each(self, apart: Sequence[list[Stmt]], rest: Block) -> list[Stmt]:
        """The pieces of a run as calls of kernels of their own."""
        found: list[Stmt] = []
        for k, piece in enumerate(apart):
            later = [s for after in apart[k + 1 :] for s in after]
            found += self.outlined(piece, replace(rest, stmts=(*later, *rest.stmts)))
        return found

    def parts(self, run: list[Stmt], rest: Block, apart: Callable[[Stmt], bool]) -> list[Stmt]:
        """What stands between the statements that are to be apart, each as a run of its own."""
        found: list[Stmt] = []
        part: list[Stmt] = []
        for k, stmt in enumerate((*run, None)):
            if stmt is not None and not apart(stmt):
                part.append(stmt)
                continue
            later = replace(rest, stmts=(*run[k:], *rest.stmts))
            found += self.outlined(part, later)
            part = []
            if stmt is not None:
                found.append(map_regions(stmt, self.block))
        return found

    def whole(self, run: list[Stmt], rest: Block) -> list[Stmt] | None:
        """The run as a call of one kernel; None if a value of it cannot be passed."""
        needed = free_values(rest)
        own = {v for s in run for v in s.outs}
        again = self.integers(run)
        known = {v for s in again for v in s.outs}
        lengths, run = without_shapes([*again, *run], self.unset)
        lengths = [s for s in lengths if known.isdisjoint(s.outs) or s.out in self.hidden]
        self.hidden.difference_update(s.out for s in lengths)
        given = list(free_values(Block((), tuple(run), ())))
        # what is written to and not read later is a result too, or the kernel would copy it
        needed = {*needed, *last_versions(run, [v for v in given if v not in self.params])}
        outs = [v for s in run for v in s.outs if v in needed and v not in known]
        if not all(passes(v.type) for v in (*given, *outs)):
            return None
        self.hide(own.difference(outs))
        return [*lengths, *self.kernel(run, given, outs)]

    def hide(self, hidden: Collection[Operand]) -> None:
        """Forget how integers are computed from what only the kernel just made knows: others
        are given them.
        """
        self.hidden.update(hidden)
        for value, stmt in list(self.sizes.items()):
            if any(o in hidden and o not in self.sizes for o in stmt.args):
                del self.sizes[value]

    def integers(self, run: Sequence[Stmt]) -> list[Stmt]:
        """What computes the integers that the run uses from sizes: it is computed again there,
        where it tells how far indices go.
        """
        found: dict[Stmt, None] = {}

        def add(value: Operand) -> None:
            stmt = self.sizes.get(value) if isinstance(value, Value) else None
            if stmt is not None and stmt not in run and stmt not in found:
                for operand in stmt.args:
                    add(operand)
                found[stmt] = None

        for value in free_values(Block((), tuple(run), ())):
            add(value)
        return list(found)

    def function(self, body: Block) -> str:
        """The name of the kernel that has the body; two that do the same are one."""
        mutated, fresh = written(body)
        made = Function("", body, mutated, fresh, kernel=True)
        key = fingerprint(made)
        if key not in self.made:
            self.made[key] = replace(made, name=self.unused())
        return self.made[key].name

    def unused(self) -> str:
        """A name for the next kernel."""
        base = f"{self.name}_kernel"
        names = (base if n == 1 else f"{base}_{n}" for n in count(1))
        name = next(n for n in names if n not in self.taken)
        self.taken.add(name)
        return name

    def kernel(
        self, run: Sequence[Stmt], given: Sequence[Value], outs: Sequence[Value]
    ) -> list[Stmt]:
        """A new kernel, and the statements that call it."""
        names: dict[Value, Operand] = {}
        body = expanded(Block(tuple(given), tuple(run), tuple(outs)), of_numbers)
        body = clone(body, names)
        builder = Builder(list(body.stmts))
        results = [as_returned(builder, r) for r in body.results]
        block = builder.block(body.params, results)
        name = self.function(block)
        after = Builder()
        got = tuple(
            out if result.type == out.type else Value(result.type, out.hint)
            for out, result in zip(outs, results, strict=True)
        )
        after.append(Call(name, tuple(given), got, run[0].loc))
        for out, value in zip(outs, got, strict=True):
            if value is not out:
                after.append(as_scalar(value, out))
        return after.stmts


def _fits(stmt: Stmt) -> bool:
    return of_numbers(stmt) is not None or compiles(stmt)


def early_sizes(run: Sequence[Stmt]) -> tuple[list[Stmt], list[Stmt]]:
    """What the run computes from sizes of arrays that are there before it, and the rest."""
    sizes: list[Stmt] = []
    rest: list[Stmt] = []
    late: set[Value] = set()
    for stmt in run:
        early = is_size(stmt) and late.isdisjoint(uses(stmt))
        (sizes if early else rest).append(stmt)
        if not early:
            late.update(stmt.outs)
    return sizes, rest


def as_scalar(value: Value, out: Value) -> Apply:
    """`out` as the NumPy scalar that the Python number `value` stands for."""
    assert isinstance(value.type, ArrayType)
    assert isinstance(out.type, ArrayType)
    if value.type.dtype == out.type.dtype:
        return Apply(to_numpy, (value,), (), (out,))
    return Apply(astype, (value,), (("dtype", out.type.dtype),), (out,))


# --- lengths ---------------------------------------------------------------------------------


def without_shapes(
    run: Sequence[Stmt], unset: Collection[Operand]
) -> tuple[list[Apply], list[Stmt]]:
    """The run without the arrays of which it reads nothing but lengths, or that may be unset.

    The length is that of an array of the same size whose elements the run reads, or else it is
    found before the run: the statements for that, and the run.
    """
    block = Block((), tuple(run), ())
    free = free_values(block)
    read = contents(block).difference(unset)
    before: list[Apply] = []
    dropped: set[Stmt] = set()
    for stmt in statements(block):
        if not isinstance(stmt, Apply) or stmt.op is not extent:
            continue
        (array,) = stmt.args
        if not isinstance(array, Value) or array not in free or array in read:
            continue
        dropped.add(stmt)
        source, axis = equal_axis(array, stmt.kwargs["axis"], [v for v in free if v in read])
        before.append(Apply(extent, (source,), (("axis", axis),), stmt.outs, stmt.loc))
    local = [s for s in before if s.args[0] in read]
    kept = without(block, dropped).stmts
    return [s for s in before if s not in local], [*local, *kept]


def contents(block: Block) -> set[Operand]:
    """The values that the block needs more of than their shapes."""
    found: set[Operand] = set(block.results)
    for stmt in statements(block):
        shapes = stmt.op.shapes if isinstance(stmt, Apply) else ()
        found |= {v for k, v in enumerate(operands(stmt)) if k not in shapes}
        for region in regions(stmt):
            found |= set(region.results)
    return found


def equal_axis(array: Value, axis: int, others: Sequence[Value]) -> tuple[Value, int]:
    """An axis that is as long, of one of the others if there is one."""
    kind = array.type
    assert isinstance(kind, ArrayType)
    for other in others:
        shape = other.type.shape if isinstance(other.type, ArrayType) else ()
        for at, dim in enumerate(shape):
            if same(dim, kind.shape[axis]):
                return other, at
    return array, axis


def without(block: Block, dropped: set[Stmt]) -> Block:
    """The block without some of its statements."""
    kept = (s for s in block.stmts if s not in dropped)
    return replace(
        block, stmts=tuple(map_regions(s, lambda b: without(b, dropped)) for s in kept)
    )


# --- what is written in place ----------------------------------------------------------------


def last_versions(run: Sequence[Stmt], given: Sequence[Value]) -> Iterable[Value]:
    """What the run makes in the end of arrays that it is given."""
    origins = Origins.of_block(Block((), tuple(run), ()))
    found: dict[Operand, Value] = {}
    for stmt in run:
        for out in stmt.outs:
            root = origins.root(out)
            if root is not out and root in given:
                found[root] = out
    return found.values()


def written(block: Block) -> tuple[tuple[tuple[int, int], ...], tuple[bool, ...]]:
    """The (parameter, result) pairs where the result is the parameter, written to; and which
    results are arrays that the block made, each another.
    """
    origins = Origins.of_block(block)
    made = {o for s in block.stmts if isinstance(s, Apply) and allocates(s) for o in s.outs}
    roots = [origins.root(r) for r in block.results]
    found: dict[int, int] = {}
    for k, (root, result) in enumerate(zip(roots, block.results, strict=True)):
        if isinstance(root, Value) and root in block.params and root is not result:
            found[block.params.index(root)] = k
    fresh = tuple(root in made and roots.count(root) == 1 for root in roots)
    return tuple(sorted(found.items())), fresh
