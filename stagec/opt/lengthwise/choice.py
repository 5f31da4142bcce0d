"""Which matrices turn: those of which nothing is used that needs the order of the program.

There are two reasons to turn: tall products in loops, and columns that loops go through.  For
products nothing turns that is there in front of the loops; it is copied once.  Columns turn
with all that their matrices are computed from, and for, as there is no copy behind the loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stagec.ir.alias import path_operands
from stagec.ir.build import freeze
from stagec.ir.core import Apply, Block, For, Op, Operand, Stmt, Value, While
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import ArrayType, Symbol, Type, measured_by
from stagec.ir.walk import operands, regions
from stagec.ops.axes import transpose
from stagec.ops.creation import empty, empty_like, ones, ones_like, zeros, zeros_like
from stagec.ops.extent import extent
from stagec.ops.filling import full
from stagec.ops.indexing import WHOLE, accumulate, read, update
from stagec.ops.lists import list_append, list_get, list_length, list_new
from stagec.ops.products import matmul
from stagec.opt.scalarise.groups import fold_of, pointwise
from stagec.opt.tapes.webs import Web, survey

SHORT = 32  # elements: longer rows are as good for BLAS and vector instructions as columns
COLUMNS = 128  # that loops go through one after the other: so many were measured
TALL = 2  # rows for each element of a row: fewer are not much longer themselves
PLAIN: dict[Op, Op] = {zeros_like: zeros, ones_like: ones, empty_like: empty}
FILLED = {zeros, ones, empty, full, *PLAIN}
KEPT = {list_new, list_append, list_get, list_length}


@dataclass(slots=True)
class Chosen:
    """The matrices that turn, and the lists whose elements do."""

    values: set[Value] = field(default_factory=set[Value])
    webs: set[Web] = field(default_factory=set[Web])


@dataclass(frozen=True, slots=True)
class Carried:
    """A matrix that a loop carries: as it begins, in a trip, after a trip, and in the end."""

    init: Operand
    param: Value
    result: Operand
    out: Value


def chosen(fn: Function) -> Chosen:
    """The matrices that turn: with products in loops, or as loops go through their columns."""
    products = _Finder(dict(fn.lengths), by_column=False).found(fn)
    columns = _Finder(dict(fn.lengths), by_column=True).found(fn)
    return Chosen(products.values | columns.values, products.webs | columns.webs)


def turned_type(kind: Type) -> Type:
    """The type of the matrix whose axes are the other way round."""
    assert isinstance(kind, ArrayType)
    return replace(kind, shape=kind.shape[::-1])


def turned_fold(stmt: Apply) -> Apply | None:
    """The sum, or another reduction, of a matrix as one of the turned matrix, if it is one.

    Its operand is still the matrix; its result is that of the statement, turned if it is a
    matrix.
    """
    axes = stmt.kwargs.get("axes")
    if fold_of(stmt) is None or len(stmt.args) != 1 or axes not in ((0,), (1,), (0, 1)):
        return None
    if not isinstance(stmt.out.type, ArrayType):
        return None
    attrs: dict[str, Any] = {**stmt.kwargs, "axes": tuple(sorted(1 - a for a in axes))}
    given = turned_type(stmt.args[0].type)
    made = stmt.op.infer(given, **attrs)
    wanted = turned_type(stmt.out.type) if stmt.out.type.rank == 2 else stmt.out.type
    return replace(stmt, attrs=freeze(attrs)) if made == wanted else None


def turned_column(stmt: Apply) -> Apply | None:
    """The op on a column of a matrix as one on a row of the turned matrix, if it is one.

    Its first operand is still the matrix, and so is its result if it writes to the column.
    """
    if stmt.op not in (read, update, accumulate):
        return None
    match stmt.kwargs["path"]:
        case (Index((Slice(None, None, None), Arg() | int() as column)),):
            pass
        case _:
            return None
    index = [a.type for a in path_operands(stmt)]
    if not all(isinstance(t, ArrayType) and not t.rank and t.dtype.kind in "iu" for t in index):
        return None
    return replace(stmt, attrs=freeze({**stmt.kwargs, "path": (Index((column,)),)}))


def _simple(web: Web) -> bool:
    """Whether nothing is done with the list but to append matrices and to read them."""
    kept = web.plain and not web.parents and web.child is None and KEPT.issuperset(web.uses)
    return kept and all(v.type == web.values[0].type for v in web.values)


@dataclass(slots=True)
class _Finder:
    """Looks for matrices that may turn.

    Attributes
    ----------
    lengths : how long axes were at the first call.
    by_column : whether matrices turn as loops go through their columns, with all that is
        computed from them, and not for the sake of products.
    made : the tall matrices that loops make or carry, by what makes them.
    fresh : the matrices that are new and filled with one number.
    users : the ops that use a value.
    ends : what is carried from or to a value.
    sums : the products of matrices in loops, each a sum over the rows of both where one is
        the transpose of a matrix.
    columns : the matrices of which loops read or write one column after the other, and the
        bodies of these loops.
    flipped : what a matrix is the transpose of.
    bound : what something else than an op uses.
    """

    lengths: Mapping[Symbol, int]
    by_column: bool
    made: dict[Value, Apply | Carried] = field(default_factory=dict["Value", "Apply | Carried"])
    fresh: set[Operand] = field(default_factory=set["Operand"])
    users: dict[Value, list[Apply]] = field(default_factory=dict["Value", "list[Apply]"])
    ends: dict[Operand, list[Carried]] = field(default_factory=dict["Operand", "list[Carried]"])
    sums: list[Apply] = field(default_factory=list[Apply])
    columns: list[tuple[Operand, Block]] = field(default_factory=list["tuple[Operand, Block]"])
    flipped: dict[Operand, Operand] = field(default_factory=dict["Operand", "Operand"])
    bound: set[Operand] = field(default_factory=set["Operand"])

    def found(self, fn: Function) -> Chosen:
        """The matrices that turn."""
        self.block(fn.body, inside=False)
        self.bound.update(fn.body.results)
        if not self.made or not (self.columns if self.by_column else self.sums):
            return Chosen()
        lists = {v: web for v, web in survey(fn).webs.items() if _simple(web)}
        while self.shrink(lists):
            pass
        values = self.linked(lists)
        got = [m for v, m in self.made.items() if v in values and isinstance(m, Apply)]
        read = [m.args[0] for m in got if m.op is list_get]
        return Chosen(values, {lists[xs] for xs in read if isinstance(xs, Value)})

    def block(self, block: Block, inside: bool) -> None:
        """Collect the matrices of the block, and who uses them.

        `inside` says whether the block is in a loop.
        """
        for stmt in block.stmts:
            self.statement(stmt, inside)
            column = turned_column(stmt) if isinstance(stmt, Apply) else None
            if inside and column is not None and path_operands(column):
                self.columns.append((column.args[0], block))
            for region in regions(stmt):
                self.block(region, inside or isinstance(stmt, For | While))
                if not isinstance(stmt, For):
                    self.bound.update(region.results)

    def statement(self, stmt: Stmt, inside: bool) -> None:
        """Collect what the statement makes and uses."""
        if isinstance(stmt, For):
            self.loop(stmt, inside)
            return
        if not isinstance(stmt, Apply):
            self.bound.update(operands(stmt))
            return
        for value in stmt.args:
            if isinstance(value, Value):
                self.users.setdefault(value, []).append(stmt)
        if stmt.op is transpose:
            self.flipped[stmt.out] = stmt.args[0]
        if stmt.op in FILLED:
            self.fresh.add(stmt.out)
        if inside and stmt.op is matmul:
            self.sums.append(stmt)
        anywhere = inside or self.by_column
        if anywhere and len(stmt.outs) == 1 and self.tall(stmt.out.type) and _turns(stmt):
            self.made[stmt.out] = stmt

    def loop(self, loop: For, inside: bool) -> None:
        """Collect what the loop carries; `inside` says whether it is in another."""
        results = loop.body.results
        self.bound.update((loop.lo, loop.hi, loop.step, *results[len(loop.init) :]))
        for slot in map(Carried, loop.init, loop.body.params[1:], results, loop.carry):
            if not self.tall(slot.param.type):
                self.bound.update((slot.init, slot.result))
                continue
            self.made[slot.param] = slot
            if inside or self.by_column:
                self.made[slot.out] = slot
            for end in {slot.init, slot.result}:
                self.ends.setdefault(end, []).append(slot)

    def tall(self, kind: Type) -> bool:
        """Whether it is a matrix with many rows, which are short."""
        if not isinstance(kind, ArrayType) or kind.rank != 2:
            return False
        rows, columns = (measured_by(d, self.lengths) for d in kind.shape)
        known = rows is not None and columns is not None
        most = COLUMNS if self.by_column else SHORT
        return known and rows >= TALL * columns and 1 < columns <= most  # type: ignore[operator]

    def shrink(self, lists: Mapping[Value, Web]) -> bool:
        """Drop what cannot turn while the rest does; whether there was something."""
        webs = {web for web in lists.values() if self.whole(web)}
        mixed = self.mixed() if self.by_column else ()
        lost = [v for v in self.made if v in mixed or not self.free(v, lists, webs)]
        for value in lost:
            del self.made[value]
        return bool(lost)

    def mixed(self) -> set[Operand]:
        """The matrices whose columns loops go through beside those of others, that stay.

        Such loops go along rows, or through strips of rows (`opt/strips`).
        """
        stay = {id(b) for v, b in self.columns if v not in self.made and self.tall(v.type)}
        return {v for v, b in self.columns if id(b) in stay}

    def whole(self, web: Web) -> bool:
        """Whether all elements of the list may turn."""
        return all(s.args[1] in self.made for s in web.by(list_append)) and all(
            s.out in self.made for s in web.by(list_get)
        )

    def carries(self, slot: Carried) -> bool:
        """Whether what the loop carries may turn."""
        starts = slot.init in self.fresh or slot.init in self.made
        if self.by_column and slot.out not in self.made and self.used(slot.out):
            return False  # to copy it behind the loop may cost more than is won
        return starts and slot.param in self.made and slot.result in self.made

    def used(self, value: Value) -> bool:
        """Whether anything uses the value."""
        return value in self.users or value in self.bound or value in self.ends

    def near(self, maker: Apply) -> bool:
        """Whether the matrix is made of such as turn or are new, and of no copy of another."""
        kept = (a for a in maker.args if a not in self.made and a not in self.fresh)
        return not any(self.tall(a.type) for a in kept)

    def free(self, value: Value, lists: Mapping[Value, Web], webs: set[Web]) -> bool:
        """Whether the matrix may turn, as far as one sees from what makes and uses it."""
        maker = self.made[value]
        slots = self.ends.get(value, [])
        if not all(map(self.carries, [*slots, maker] if isinstance(maker, Carried) else slots)):
            return False
        if _column(maker) and not ({maker.args[0]} & (self.made.keys() | self.fresh)):  # type: ignore[union-attr]
            return False
        if _got(maker) and lists.get(maker.args[0]) not in webs:  # type: ignore[union-attr]
            return False
        if self.by_column and isinstance(maker, Apply) and not self.near(maker):
            return False
        return value not in self.bound and all(
            stmt.op in (matmul, transpose, extent)
            or (stmt.op is read and turned_column(stmt) is not None)
            or (len(stmt.outs) == 1 and stmt.out in self.made)
            or (stmt.op is list_append and lists.get(stmt.args[0]) in webs)  # type: ignore[arg-type]
            or turned_fold(stmt) is not None
            for stmt in self.users.get(value, ())
        )

    def linked(self, lists: Mapping[Value, Web]) -> set[Value]:
        """The matrices that turn with a product, or with one whose columns loops go through."""
        linked: dict[Value, list[Value]] = {v: [] for v in self.made}
        summed = list(self.summed())
        for a, b in (*self.links(lists), *summed):
            linked[a].append(b)
            linked[b].append(a)
        found: set[Value] = set()
        if self.by_column:
            waiting = [v for v, _ in self.columns if v in self.made]  # type: ignore[misc]
        else:
            made = self.made.items()
            waiting = [v for v, m in made if isinstance(m, Apply) and m.op is matmul]
            waiting += [v for pair in summed for v in pair]
        while waiting:
            value = waiting.pop()
            if value not in found:
                found.add(value)
                waiting += linked[value]
        return found

    def summed(self) -> Iterator[tuple[Value, Value]]:
        """The pairs of matrices over whose rows a product sums."""
        for stmt in self.sums:
            a, b = stmt.args
            left = self.flipped.get(a)
            if left in self.made and b in self.made:
                yield left, b  # type: ignore[misc]

    def links(self, lists: Mapping[Value, Web]) -> Iterator[tuple[Value, Value]]:
        """Pairs of matrices that turn together."""
        first: dict[Web, Value] = {}
        for value, made in self.made.items():
            if isinstance(made, Carried):
                ends = (made.init, made.param, made.result)
                yield from ((value, a) for a in ends if a in self.made)  # type: ignore[misc]
                continue
            yield from ((value, a) for a in made.args if a in self.made)  # type: ignore[misc]
            lasting = [s for s in self.users.get(value, ()) if s.op is list_append]
            ends = lasting + ([made] if _got(made) else [])
            yield from (
                (value, first.setdefault(lists[s.args[0]], value))  # type: ignore[index]
                for s in ends
            )


def _got(maker: Apply | Carried) -> bool:
    """Whether the matrix is an element of a list."""
    return isinstance(maker, Apply) and maker.op is list_get


def _column(maker: Apply | Carried) -> bool:
    """Whether the matrix is another one with something written to a column."""
    writes = isinstance(maker, Apply) and maker.op is not read
    return writes and turned_column(maker) is not None  # type: ignore[arg-type]


def _turns(stmt: Apply) -> bool:
    """Whether there is a way to make the matrix turned."""
    if stmt.op is matmul:
        return all(isinstance(a.type, ArrayType) and a.type.rank == 2 for a in stmt.args)
    if _column(stmt):
        return True
    whole = stmt.op in (accumulate, update) and stmt.kwargs["path"] == WHOLE
    return stmt.op is list_get or ((whole or pointwise(stmt)) and turned_pointwise(stmt))


def turned_pointwise(stmt: Apply) -> bool:
    """Whether the op on turned operands gives the turned result."""
    kinds = [turned_operand(a.type) for a in stmt.args]
    if None in kinds:
        return False
    try:
        return bool(stmt.op.infer(*kinds, **stmt.kwargs) == turned_type(stmt.out.type))
    except TypeError:  # attributes that tell of axes
        return False


def turned_operand(kind: Type) -> Type | None:
    """The type of an operand of rank at most 2 beside turned matrices."""
    if not isinstance(kind, ArrayType) or kind.rank > 2:
        return None
    if kind.rank == 1:
        return replace(kind, shape=(*kind.shape, 1))
    return turned_type(kind) if kind.rank else kind
