"""Names for lengths that only the run time knows, so that equal ones are seen to be equal.

The slices `a[:j]` and `b[:j]` of arrays of one length have one length themselves, whatever `j`
is; so has everything that is computed from them element by element.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from stagec.ir.alias import path_of, path_operands
from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Value, While
from stagec.ir.flows import maybe_unset
from stagec.ir.function import Function
from stagec.ir.lowering import is_integer
from stagec.ir.path import Arg, Index, NewAxis, Slice
from stagec.ir.rebuild import map_operands, map_regions
from stagec.ir.types import (
    ArrayType,
    Dim,
    Shape,
    Size,
    Symbol,
    Type,
    affine,
    same,
    size,
    symbols_of,
)
from stagec.ir.walk import defined, rename
from stagec.ops.index_facts import IndexFacts, given_sizes
from stagec.opt.scalarise.sizes import Sizes
from stagec.opt.scalarise.views import Views

Indices: TypeAlias = Mapping[Symbol, Operand]


def lengths(fn: Function) -> Function:
    """The function with a symbol for each length that only the run time knows."""
    namer = _namer(fn.body, None)
    inner = tuple(map(lengths, fn.functions))
    return replace(fn, body=namer.block(fn.body, {}), functions=inner)


@dataclass(frozen=True, slots=True)
class Measured:
    """A block with a length for each unknown one.

    Attributes
    ----------
    block : the block with values of more precise types.
    views : the parts of arrays that its statements select.
    names : these values by those of the block as it was.
    """

    block: Block
    views: Views
    names: Mapping[Value, Operand]

    @property
    def indices(self) -> Indices:
        """The loop indices that symbols stand for."""
        return {s: rename(v, self.names) for s, v in self.views.facts.values.items()}

    def shape(self, operand: Operand) -> Shape:
        """The shape of an array of the block as it was."""
        kind = rename(operand, self.names).type
        return kind.shape if isinstance(kind, ArrayType) else ()


def with_lengths(block: Block) -> Measured:
    """The block with a length for each unknown one.

    Loop indices have symbols of their own here, so that lengths may depend on them.
    """
    namer = _namer(block, Sizes({}, unset=maybe_unset(block)))
    names: dict[Value, Operand] = {}
    return Measured(namer.block(block, names), namer.views, names)


def _namer(block: Block, sizes: Sizes | None) -> _Namer:
    taken = {s.name for v in defined(block) for s in symbols_of(v.type)}
    facts = IndexFacts(given_sizes(block.params), "index")
    given = [d for p in block.params if isinstance(p.type, ArrayType) for d in p.type.shape]
    lasting = {s for d in given if isinstance(d, Size) for s, _ in d.terms}
    return _Namer(facts, Views(facts, taken, sizes is None), sizes, lasting)


@dataclass(slots=True)
class _Namer:
    """Goes through the blocks.

    Attributes
    ----------
    sizes : what is known of sizes in front of a statement; None: loop indices have no symbols
        and nothing is computed.
    lasting : the symbols of parameters of the function.  Others may stand for another length
        in each trip of a loop, and what they are in one loop they are not in the next.
    equal : what symbols were found to be equal to, always.
    """

    facts: IndexFacts
    views: Views
    sizes: Sizes | None
    lasting: set[Symbol]
    equal: dict[Symbol, Dim] = field(default_factory=dict["Symbol", "Dim"])

    def block(self, block: Block, names: dict[Value, Operand]) -> Block:
        """The block with values of more precise types; `names` says which for which."""
        params = tuple(self.counted(self.named(p, {}, names), names) for p in block.params)
        outer = self.sizes
        self.sizes = None if outer is None else outer.inside()
        equal = dict(self.facts.equal)
        self.note(params)
        builder = Builder()
        for stmt in block.stmts:
            builder.loc = stmt.loc
            builder.append(self.stmt(stmt, names, builder))
            self.note(builder.stmts[-1].outs)
        self.sizes, self.facts.equal = outer, equal
        return builder.block(params, [rename(r, names) for r in block.results])

    def note(self, values: Iterable[Value]) -> None:
        """From here on there are these values."""
        if self.sizes is not None:
            self.sizes.note(values)

    def stmt(self, stmt: Stmt, names: dict[Value, Operand], builder: Builder) -> Stmt:
        """The statement with a symbol for each length of its results that is not known.

        Integers that this needs are computed in the builder.
        """
        stmt = map_operands(stmt, lambda v: rename(v, names))
        if isinstance(stmt, For) and self.sizes is not None:
            self.facts.index(stmt)
        stmt = map_regions(stmt, lambda b: self.block(b, names))
        match stmt:
            case Apply():
                self.facts.note(stmt)
                made = replace(stmt, outs=self.results(stmt, names, builder))
                if path_of(made) is not None:
                    self.views.found[made.outs[0]] = self.views.found.pop(stmt.outs[0])
                return made
            case Call() | If():
                return replace(stmt, outs=tuple(self.named(v, {}, names) for v in stmt.outs))
            case For():
                made = zip(stmt.carry, _lasting_types(stmt), strict=True)
                return replace(stmt, carry=tuple(self.named(v, {}, names, t) for v, t in made))
            case While():
                carry = tuple(self.named(v, {}, names) for v in stmt.carry)
                return replace(stmt, carry=carry)
            case _:
                assert_never(stmt)

    def results(
        self, stmt: Apply, names: dict[Value, Operand], builder: Builder
    ) -> tuple[Value, ...]:
        """The results of an op, whose operands may be known better than before."""
        view = None
        if path_of(stmt) is not None:
            self.views.note(stmt, builder, self.sizes)
            view = self.views.of(stmt)
        if not any(isinstance(o.type, ArrayType) and o.type.rank for o in stmt.outs):
            return tuple(self.counted(o, names) for o in stmt.outs)
        found = stmt.op.infer(*(a.type for a in stmt.args), **stmt.kwargs)
        types = found if isinstance(found, tuple) else (found,)
        reads = stmt.op.overwrites is None and path_of(stmt) is not None
        lengths = dict(enumerate(view.shape)) if view is not None and reads else {}
        if reads and view is None:
            lengths = self.selected(stmt)
        return tuple(
            self.named(out, lengths, names, type)
            for out, type in zip(stmt.outs, types, strict=True)
        )

    def selected(self, stmt: Apply) -> dict[int, Dim]:
        """The length of what a mask selects, by its axis: that of all that it selects."""
        path = path_of(stmt)
        if path is None or len(path) != 1 or not isinstance(path[0], Index):
            return {}
        items, operands = path[0].items, path_operands(stmt)
        advanced = [k for k, i in enumerate(items) if not isinstance(i, Slice | NewAxis)]
        item = items[advanced[0]] if len(advanced) == 1 else None
        if not isinstance(item, Arg):
            return {}
        mask = operands[item.position]
        kind = mask.type
        if not isinstance(kind, ArrayType) or kind.dtype.kind != "b" or not kind.rank:
            return {}
        return {advanced[0]: self.views.symbol((mask, "selected"))}

    def counted(self, value: Value, names: dict[Value, Operand]) -> Value:
        """The value with what is known of an integer that is never negative as its size."""
        if self.sizes is None or not is_integer(value.type) or value.type.size is not None:  # type: ignore[union-attr]
            return value
        found = self.facts.of(value)
        if not isinstance(found, Size) or not self.facts.natural(found):
            return value
        made = names[value] = Value(replace(value.type, size=found), value.hint)  # type: ignore[type-var]
        return made

    def named(
        self,
        value: Value,
        lengths: dict[int, Dim],
        names: dict[Value, Operand],
        type: Type | None = None,
    ) -> Value:
        """The value with a symbol for each length that neither its type nor `type` tells."""
        kind = value.type
        if not isinstance(kind, ArrayType):
            return value
        before = tuple(map(self.exactly, kind.shape))
        better = tuple(map(self.exactly, type.shape)) if isinstance(type, ArrayType) else before
        shape = [self.agreed(a, b) for a, b in zip(before, better, strict=True)]
        full = tuple(self.length(value, k, d, lengths) for k, d in enumerate(shape))
        number = self.exactly(kind.size)
        if full == kind.shape and number == kind.size:
            return value
        exact = number if isinstance(number, Size) else None
        made = names[value] = Value(replace(kind, shape=full, size=exact), value.hint)
        if self.sizes is not None and value in self.sizes.unset:
            self.sizes.unset.add(made)
        return made

    def exactly(self, dim: Dim) -> Dim:
        """The size in terms of symbols that are not known to equal others."""
        if not isinstance(dim, Size) or not any(s in self.equal for s, _ in dim.terms):
            return dim
        parts = ((self.equal.get(s, size(s)), factor) for s, factor in dim.terms)
        return affine(*parts, const=dim.const)

    def agreed(self, before: Dim, better: Dim) -> Dim:
        """The length of which two things are known."""
        if better is None or isinstance(before, int):
            return before
        if not isinstance(better, Size):
            return better
        if isinstance(before, Size) and before != better:
            (symbol, factor), *others = before.terms
            inside = any(s == symbol for s, _ in better.terms)
            lasting = self.lasting.issuperset(s for s, _ in better.terms)
            if factor == 1 and lasting and not (others or inside):
                self.equal[symbol] = affine((better, 1), const=-before.const)
        return better

    def length(self, value: Value, axis: int, dim: Dim, lengths: dict[int, Dim]) -> Dim:
        """The length of an axis, which is a symbol of its own if nothing is known of it."""
        found = lengths.get(axis)
        if dim is None:
            return self.views.symbol((value, axis)) if found is None else found
        # a slice may be known better than before loop indices had symbols
        return found if self.sizes is not None and isinstance(found, Size) else dim


def _lasting_types(loop: For) -> list[Type | None]:
    """What is known of each value that the loop carries: lengths that every trip keeps are
    those that it begins with.
    """
    ends = loop.body.results[: len(loop.init)]
    kinds = zip(loop.init, loop.body.params[1:], ends, strict=True)
    return [_lasting_type(first.type, before.type, end.type) for first, before, end in kinds]


def _lasting_type(first: Type, before: Type, after: Type) -> Type | None:
    """The type behind a loop of what begins as `first` and goes from `before` to `after`."""
    if not isinstance(before, ArrayType) or not isinstance(after, ArrayType):
        return None
    if not isinstance(first, ArrayType) or None in before.shape:
        return None
    dims = zip(first.shape, before.shape, after.shape, strict=True)
    return replace(first, shape=tuple(d if same(b, a) else None for d, b, a in dims), size=None)
