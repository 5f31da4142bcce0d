"""Sizes as integers: those that are there already, and how the others are computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from stagec.ir.build import Builder
from stagec.ir.core import Operand, Value, const
from stagec.ir.lowering import is_integer
from stagec.ir.types import ArrayType, Dim, Size, Symbol, clipped, size
from stagec.ops.arithmetic import Handle
from stagec.ops.extent import extent

Terms: TypeAlias = tuple[tuple[Symbol, int], ...]


@dataclass(slots=True)
class Sizes:
    """What is known of sizes at one place of the function.

    Attributes
    ----------
    indices : the loop indices that symbols stand for.
    integers : integers by the size that they are.
    axes : an axis of the length that a symbol stands for.
    longer : an axis by the terms of its length, and the constant behind them.
    unset : the arrays that may be unset: they tell a length where no other array does, and are
        only asked where they are set.
    """

    indices: Mapping[Symbol, Operand]
    integers: dict[Dim, Operand] = field(default_factory=dict["Dim", "Operand"])
    axes: dict[Symbol, tuple[Value, int]] = field(
        default_factory=dict["Symbol", "tuple[Value, int]"]
    )
    longer: dict[Terms, tuple[Value, int, int]] = field(
        default_factory=dict["Terms", "tuple[Value, int, int]"]
    )
    unset: set[Operand] = field(default_factory=set["Operand"])

    def inside(self) -> Sizes:
        """What is known at the start of a block at this place."""
        return replace(
            self,
            integers=dict(self.integers), axes=dict(self.axes), longer=dict(self.longer),
        )  # fmt: skip

    def note(self, values: Iterable[Value]) -> None:
        """From here on there are these values."""
        for value in values:
            kind = value.type
            if not isinstance(kind, ArrayType):
                continue
            if is_integer(kind) and kind.size is not None:
                self.integers.setdefault(kind.size, value)
            for axis, dim in enumerate(kind.shape):
                symbol = _symbol(dim)
                if symbol is not None and self._better(self.axes.get(symbol), value):
                    self.axes[symbol] = value, axis
                elif isinstance(dim, Size) and self._better(self.longer.get(dim.terms), value):
                    self.longer[dim.terms] = value, axis, dim.const

    def _better(self, known: tuple[Value, *tuple[int, ...]] | None, value: Value) -> bool:
        """Whether a length is to be asked of this array, and not of the one known before."""
        return known is None or (known[0] in self.unset and value not in self.unset)

    def there(self, dim: Dim) -> bool:
        """Whether the size is there or can be computed."""
        if dim in self.integers or not isinstance(dim, Size):
            return dim is not None
        return self._near(dim) or self._summed(dim)

    def _near(self, dim: Size) -> bool:
        """Whether an axis tells the size, being longer or shorter by a constant."""
        if dim.terms not in self.longer:
            return False
        *_, const = self.longer[dim.terms]
        return const == dim.const or not clipped(Size(dim.terms, const))

    def _summed(self, dim: Size) -> bool:
        """Whether every symbol of the size is there."""
        return all(
            s in self.indices or s in self.axes or size(s) in self.integers
            for s, _ in dim.terms
        )

    def value(self, builder: Builder, dim: Dim) -> Operand:
        """The size, which is there or can be computed, as an integer."""
        if not isinstance(dim, Size):
            return const(dim)
        if dim in self.integers:
            return self.integers[dim]
        symbol = _symbol(dim)
        if symbol is not None and self._summed(dim):
            return self.symbol(builder, symbol)
        if not self._summed(dim):
            array, axis, more = self.longer[dim.terms]
            length = Handle(builder, builder.add(extent, (array,), {"axis": axis})[0])
            ahead = dim.const - more
            return (length + ahead if ahead >= 0 else length - -ahead).operand
        terms = sorted(dim.terms, key=lambda term: -term[1])
        found: Any = dim.const if terms[0][1] < 0 else 0
        for s, factor in terms:
            term = Handle(builder, self.symbol(builder, s))
            term = term if abs(factor) == 1 else term * abs(factor)
            if factor > 0:
                found = term if isinstance(found, int) and not found else found + term
            else:
                found = found - term
        less = dim.const if terms[0][1] > 0 else 0
        found = found - -less if less < 0 else found + less if less else found
        return found.operand

    def symbol(self, builder: Builder, symbol: Symbol) -> Operand:
        """The integer that the symbol stands for."""
        if symbol in self.indices:
            return self.indices[symbol]
        dim = size(symbol)
        if dim not in self.integers:
            array, axis = self.axes[symbol]
            hint = symbol.name if symbol.name.isidentifier() else ""
            (length,) = builder.add(extent, (array,), {"axis": axis}, hint)
            if array in self.unset:
                return length
            self.integers[dim] = length
        return self.integers[dim]


def _symbol(dim: Dim) -> Symbol | None:
    """The symbol that the size is, if it is one."""
    plain = isinstance(dim, Size) and len(dim.terms) == 1 and dim.terms[0][1] == 1
    return dim.terms[0][0] if plain and not dim.const else None  # type: ignore[union-attr]
