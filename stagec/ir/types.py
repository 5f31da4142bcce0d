"""Types of the values in the graph, and the symbolic sizes in their shapes.

A dimension is an `int`, a `Size` (affine over symbols) or None: unknown, and never equal to
another dimension.  Structurally equal sizes are equal at run time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

Kind: TypeAlias = Literal["py", "np", "array"]

SHORT = {
    "bool": "bool", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64", "float16": "f16",
    "float32": "f32", "float64": "f64", "complex64": "c64", "complex128": "c128",
}  # fmt: skip
LONG = {short: np.dtype(name) for name, short in SHORT.items()}


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """A size known at run time only: at least 2, unless `unit` says that it may be 0 or 1.

    `index` marks one that stands for the index of a loop.
    """

    name: str
    unit: bool = False
    index: bool = False

    def __str__(self) -> str:
        return f"{self.name}?" if self.unit else self.name


@dataclass(frozen=True, slots=True)
class Size:
    """The affine expression `sum(factor * symbol) + const`; has at least one term."""

    terms: tuple[tuple[Symbol, int], ...]
    const: int = 0

    def __str__(self) -> str:
        text = ""
        for symbol, factor in self.terms:
            sign = " - " if factor < 0 else " + "
            body = str(symbol) if abs(factor) == 1 else f"{abs(factor)}*{symbol}"
            text += (sign if text else "-" if factor < 0 else "") + body
        if self.const:
            text += f" {'-' if self.const < 0 else '+'} {abs(self.const)}"
        return text


Dim: TypeAlias = int | Size | None
Shape: TypeAlias = tuple[Dim, ...]


def size(symbol: Symbol) -> Size:
    """The size that is just `symbol`."""
    return Size(((symbol, 1),))


def affine(*parts: tuple[Dim, int], const: int = 0) -> Dim:
    """`sum(factor * dim) + const` in normal form; None if a part is unknown."""
    total: dict[Symbol, int] = {}
    for dim, factor in parts:
        if dim is None:
            return None
        if isinstance(dim, int):
            const += factor * dim
            continue
        const += factor * dim.const
        for symbol, f in dim.terms:
            total[symbol] = total.get(symbol, 0) + factor * f
    terms = tuple(sorted((s, f) for s, f in total.items() if f))
    return Size(terms, const) if terms else const


def measured_by(dim: Dim, lengths: Mapping[Symbol, int]) -> int | None:
    """The size where the symbols are as long; None if that is not known of all of them."""
    if not isinstance(dim, Size):
        return dim
    if not all(symbol in lengths for symbol, _ in dim.terms):
        return None
    return dim.const + sum(factor * lengths[symbol] for symbol, factor in dim.terms)


def replaced(dim: Dim, symbol: Symbol, by: Dim) -> Dim:
    """The expression with `by` for the symbol; None if `by` is unknown and needed."""
    factor = dict(dim.terms).get(symbol, 0) if isinstance(dim, Size) else 0
    return affine((dim, 1), (size(symbol), -factor), (by, factor)) if factor else dim


def product(a: Dim, b: Dim) -> Dim:
    """The product of two sizes, None where it is not affine."""
    if isinstance(a, Size) and isinstance(b, Size):
        return None
    dim, factor = (a, b) if isinstance(b, int) else (b, a)
    return affine((dim, factor)) if isinstance(factor, int) else None


def quotient(a: Dim, b: Dim) -> Dim:
    """The size that is `a // b` without a remainder, None if there may be one."""
    if not isinstance(b, int) or b < 1 or a is None:
        return None
    if isinstance(a, int):
        return None if a % b else a // b
    if a.const % b or any(factor % b for _, factor in a.terms):
        return None
    return Size(tuple((s, factor // b) for s, factor in a.terms), a.const // b)


def negates_alike(own: ArrayType, dtype: np.dtype) -> bool:
    """Whether minus a number is the same before and after its conversion to the dtype.

    NumPy's integers wrap around in their own type: `-a` of unsigned ones is positive.
    """
    return own.weak or own.dtype == dtype or own.dtype.kind in "fc"


def same(a: Dim, b: Dim) -> bool:
    """Whether the two dimensions are surely equal."""
    return a is not None and a == b


def same_shape(a: Shape, b: Shape) -> bool:
    """Whether the two shapes are surely equal."""
    return len(a) == len(b) and all(map(same, a, b))


def at_least(dim: Dim) -> int | None:
    """A lower bound of the dimension; None if nothing is known."""
    if not isinstance(dim, Size):
        return dim
    if any(factor < 0 for _, factor in dim.terms):
        return None
    return dim.const + sum(factor * (0 if s.unit else 2) for s, factor in dim.terms)


def clipped(dim: Dim) -> bool:
    """Whether a length of `n - k` stands for an empty part where it is negative: no number that
    is computed from it does.
    """
    return (at_least(dim) or 0) < 0


def lengthened(*dims: Dim, by: int = 0) -> Dim:
    """The sum of lengths and a constant."""
    if (by or len(dims) > 1) and any(map(clipped, dims)):
        return None
    return affine(*((d, 1) for d in dims), const=by)


def may_be_one(dim: Dim) -> bool:
    """Whether the dimension may be exactly 1."""
    if isinstance(dim, int):
        return dim == 1
    least = at_least(dim)
    return least is None or least < 2


def broadcast_dim(a: Dim, b: Dim) -> Dim:
    """The size of two broadcast dimensions; raises TypeError if they cannot match."""
    if same(a, b) or same(b, 1):
        return a
    if same(a, 1):
        return b
    if isinstance(a, int) and isinstance(b, int):
        raise TypeError(f"sizes {a} and {b} do not broadcast")
    if not may_be_one(a):
        return b if isinstance(b, int) and not may_be_one(b) else a
    if not may_be_one(b):
        return b
    return None


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape that the shapes broadcast to; raises TypeError if they cannot."""
    out: list[Dim] = []
    for axis in range(1, max((len(s) for s in shapes), default=0) + 1):
        dim: Dim = 1
        for s in shapes:
            if axis <= len(s):
                dim = broadcast_dim(dim, s[-axis])
        out.append(dim)
    return tuple(reversed(out))


NUMERIC = "biufc"


@dataclass(frozen=True, slots=True)
class ArrayType:
    """A number or an array.

    `kind` matters for rank 0: a Python number (weak in promotion), a NumPy scalar, or an array.
    `size` is set on integers known to equal a symbolic size.
    """

    dtype: np.dtype
    shape: Shape = ()
    kind: Kind = "array"
    size: Size | None = None

    def __post_init__(self) -> None:
        if self.dtype.kind not in NUMERIC:
            raise TypeError(
                f"only arrays of numbers and truths can be staged, not {self.dtype}"
            )

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def weak(self) -> bool:
        """Whether it is a Python number."""
        return self.kind == "py"

    @property
    def inexact(self) -> bool:
        """Whether the elements are floating or complex, hence differentiable."""
        return self.dtype.kind in "fc"

    def __str__(self) -> str:
        if self.kind == "py":
            name = {"f": "float", "i": "int", "b": "bool", "c": "complex"}[self.dtype.kind]
            return f"{name}{{{self.size}}}" if self.size is not None else name
        name = SHORT[self.dtype.name]
        if self.kind == "np":
            return "bool_" if name == "bool" else name
        return f"{name}[{', '.join('?' if d is None else str(d) for d in self.shape)}]"


@dataclass(frozen=True, slots=True)
class ListType:
    """A list of run-time length whose elements share a type (their sizes may differ)."""

    element: Type

    @property
    def nested(self) -> bool:
        """Whether its elements are lists."""
        return isinstance(self.element, ListType)

    def __str__(self) -> str:
        return f"list<{self.element}>"


@dataclass(frozen=True, slots=True)
class TextType:
    """A run-time string."""

    def __str__(self) -> str:
        return "text"


@dataclass(frozen=True, slots=True)
class GeneratorType:
    """A source of random numbers that the program makes: what is drawn changes its state."""

    def __str__(self) -> str:
        return "generator"


Type: TypeAlias = ArrayType | ListType | TextType | GeneratorType

BOOL = ArrayType(np.dtype(bool), (), "py")

INT = ArrayType(np.dtype(np.int64), (), "py")
FLOAT = ArrayType(np.dtype(np.float64), (), "py")
COMPLEX = ArrayType(np.dtype(np.complex128), (), "py")
TEXT = TextType()
GENERATOR = GeneratorType()


def rank_of(type: Type) -> int:
    """The rank of an array; 0 for anything else."""
    return type.rank if isinstance(type, ArrayType) else 0


def symbols_of(type: Type) -> Iterator[Symbol]:
    """The symbols in the sizes of the type."""
    if isinstance(type, ListType):
        yield from symbols_of(type.element)
    elif isinstance(type, ArrayType):
        for dim in (*type.shape, type.size):
            if isinstance(dim, Size):
                yield from (symbol for symbol, _ in dim.terms)


def type_of(value: Any) -> Type:
    """The type of a run-time number, array or string, with its exact shape."""
    found: Any = value  # not narrowed to an array of unknown dtype
    match value:
        case bool():
            return BOOL
        case np.ndarray():
            return ArrayType(found.dtype, found.shape)
        case np.generic():
            return ArrayType(found.dtype, (), "np")
        case int():
            return INT
        case float():
            return FLOAT
        case complex():
            return COMPLEX
        case str():
            return TEXT
        case list() if value:
            return ListType(type_of(found[0]))
        case _:
            raise TypeError(f"{type(value).__name__} is not a value of the graph")
