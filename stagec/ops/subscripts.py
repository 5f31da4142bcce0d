"""np.einsum: its derivatives are other einsums.

Subscripts are normalised by the binder: no spaces, no ellipses, the output spelled out.
"""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.types import ArrayType, Dim, broadcast_dim, same
from stagec.ops.axes import dtype_of, expand_dims, move_axis, np_shape, transpose
from stagec.ops.bilinear_rules import sum_terms
from stagec.ops.broadcast import broadcast_like, fit, sum_
from stagec.ops.cast import conjugate, fit_dtype
from stagec.ops.diagonals import diagonal, embed_diagonal
from stagec.ops.family import array, make, static


def _terms(subscripts: str) -> tuple[list[str], str]:
    inputs, output = subscripts.split("->")
    return inputs.split(","), output


def normal_subscripts(subscripts: str, ranks: tuple[int, ...]) -> str:
    """The subscripts with ellipses and the output spelled out."""
    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ranks):
        raise TypeError(
            f"einsum: {subscripts!r} is for {len(terms)} operands, got {len(ranks)}"
        )
    free = [c for c in string.ascii_letters if c not in text]
    extra = [rank - len(t.replace("...", "")) for t, rank in zip(terms, ranks, strict=True)]
    widest = max((e for t, e in zip(terms, extra, strict=True) if "..." in t), default=0)
    letters = "".join(free[:widest])
    for k, (term, count) in enumerate(zip(terms, extra, strict=True)):
        if count < 0 or (count and "..." not in term):
            raise TypeError(f"einsum: {term!r} does not fit an array of rank {ranks[k]}")
        terms[k] = term.replace("...", letters[widest - count :] if count else "")
    if not arrow:
        joined = "".join(t for t in inputs.replace("...", "").split(","))
        output = letters + "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    output = output.replace("...", letters)
    unknown = set(output) - set("".join(terms))
    if unknown:
        raise ValueError(f"einsum: the output subscript {min(unknown)!r} is in no operand")
    return f"{','.join(terms)}->{output}"


def _infer(*types: ArrayType, subscripts: str, optimize: bool = False) -> ArrayType:
    terms, output = _terms(subscripts)
    dims: dict[str, Dim] = {}
    for term, t in zip(terms, types, strict=True):
        if len(term) != t.rank:
            raise TypeError(f"einsum: {term!r} does not fit {t}")
        for letter, dim in zip(term, t.shape, strict=True):
            dims[letter] = broadcast_dim(dims.get(letter, 1), dim)
    return array(np.result_type(*(t.dtype for t in types)), tuple(dims[c] for c in output))


def _value(*xs: Any, subscripts: str, optimize: bool = False) -> Any:
    found = np.einsum(subscripts, *xs, optimize=optimize or len(xs) > 2)
    return found if optimize or found.ndim else found[()]


def _source(*types: ArrayType, subscripts: str, optimize: bool = False) -> str:
    tail = ", optimize=True" if optimize or len(types) > 2 else ""
    # an optimised einsum may return an array without axes where a plain one returns a number
    number = "[()]" if tail and not optimize and subscripts.endswith("->") else ""
    return f"np.einsum({subscripts!r}, {', '.join(['{}'] * len(types))}{tail}){number}"


def _without_repeats(x: Any, term: str) -> list[tuple[Any, str]]:
    """`x`, then its diagonals along each repeated letter, with their terms."""
    found = [(x, term)]
    while len(set(term)) < len(term):
        letter = next(c for c in term if term.count(c) > 1)
        first = term.index(letter)
        second = term.index(letter, first + 1)
        x = diagonal(x, offset=0, axis1=first, axis2=second)
        term = "".join(c for k, c in enumerate(term) if k not in (first, second)) + letter
        found.append((x, term))
    return found


def _embed(ct: Any, steps: list[tuple[Any, str]]) -> Any:
    """The cotangent of the first step from that of the last."""
    for x, term in reversed(steps[:-1]):
        letter = next(c for c in term if term.count(c) > 1)
        first = term.index(letter)
        second = term.index(letter, first + 1)
        ct = embed_diagonal(ct, x, offset=0, axis1=first, axis2=second)
    return ct


def _pull(ct: Any, xs: tuple[Any, ...], k: int, subscripts: str, attrs: dict[str, Any]) -> Any:
    """The cotangent of operand `k`."""
    terms, output = _terms(subscripts)
    steps = _without_repeats(xs[k], terms[k])
    x, term = steps[-1]
    others = [conjugate(y) for j, y in enumerate(xs) if j != k]
    rest = [t for j, t in enumerate(terms) if j != k]
    there = "".join(c for c in term if c in output or any(c in t for t in rest))
    found = einsum(ct, *others, subscripts=f"{','.join([output, *rest])}->{there}", **attrs)
    missing = tuple(j for j, c in enumerate(term) if c not in there)
    found = expand_dims(found, axes=missing) if missing else found
    wide = tuple(j for j, (a, b) in enumerate(_sides(found, x)) if _stretched(b, a))
    found = sum_(found, axes=wide, keepdims=True) if wide else found
    if any(_stretched(a, b) for a, b in _sides(found, x)):
        found = broadcast_like(found, x)
    return fit(_embed(fit(found, x), steps), xs[k])


def _sides(x: Any, y: Any) -> list[tuple[Dim, Dim]]:
    return list(zip(np_shape(x), np_shape(y), strict=True))


def _stretched(dim: Dim, wide: Dim) -> bool:
    return dim == 1 and not same(wide, 1)


def _vjp(ct: Any, out: Any, *xs: Any, subscripts: str, **attrs: Any) -> tuple[Any, ...]:
    return tuple(
        _pull(ct, xs, k, subscripts, attrs) if dtype_of(x).kind in "fc" else None
        for k, x in enumerate(xs)
    )


def _jvp(dxs: Any, out: Any, *xs: Any, **attrs: Any) -> Any:
    parts = [
        einsum(*xs[:k], dx, *xs[k + 1 :], **attrs) for k, dx in enumerate(dxs) if dx is not None
    ]
    return fit_dtype(sum_terms(*parts), dtype_of(out))


def _batch(args: Any, axes: Any, /, *, subscripts: str, **attrs: Any) -> tuple[Any, int]:
    letter = next(c for c in string.ascii_letters if c not in subscripts)
    terms, output = _terms(subscripts)
    xs = [x if a is None else move_axis(x, a, 0) for x, a in zip(args, axes, strict=True)]
    wide = [t if a is None else letter + t for t, a in zip(terms, axes, strict=True)]
    return einsum(*xs, subscripts=f"{','.join(wide)}->{letter}{output}", **attrs), 0


def _call(
    subscripts: Any, *operands: Any, out: None = None, dtype: Any = None, **options: Any
) -> Any:
    if not isinstance(subscripts, str):
        subscripts, operands = _spelled((subscripts, *operands))
    if dtype is not None:
        raise TypeError("einsum: the argument dtype= is not supported")
    attrs = {"optimize": True} if static(options.get("optimize"), "optimize") else {}
    ranks = tuple(np.ndim(x) for x in operands)
    return einsum(*operands, subscripts=normal_subscripts(subscripts, ranks), **attrs)


def _spelled(args: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The string and the operands of `einsum(x, [0, 1], y, [1, 2], [0, 2])`."""
    count = len(args) // 2
    terms = ",".join(map(_letters, args[1 : 2 * count : 2]))
    output = f"->{_letters(args[-1])}" if len(args) % 2 else ""
    return terms + output, args[: 2 * count : 2]


def _letters(labels: Any) -> str:
    """The letters that numbers of axes stand for; they sort as the numbers do."""
    names = string.ascii_uppercase + string.ascii_lowercase
    if not isinstance(labels, list | tuple):
        raise TypeError(
            "einsum: give the subscripts as a string, or as a list after each array"
        )
    return "".join("..." if k is Ellipsis else names[static(k, "subscripts")] for k in labels)


def _alias(*, subscripts: str, optimize: bool = False) -> int | None:
    """NumPy returns a view of a single operand none of whose axes is summed."""
    terms, output = _terms(subscripts)
    return 0 if len(terms) == 1 and set(terms[0]) == set(output) else None


def _permuted(*xs: Any, subscripts: str, optimize: bool = False) -> Any:
    """`ij->ji` is a transpose."""
    terms, output = _terms(subscripts)
    if len(terms) > 1 or sorted(terms[0]) != sorted(output) or len(set(output)) < len(output):
        return None
    return transpose(xs[0], axes=tuple(terms[0].index(c) for c in output)) if output else None


einsum = make(
    "einsum",
    calls=((np.einsum, _call),),
    infer=_infer,
    value=_value,
    vjp=_vjp,
    jvp=_jvp,
    batch=_batch,
    source=_source,
    alias=_alias,
    may_raise=(ValueError,),
    rewrites=(_permuted,),
)


OPS: tuple[Op, ...] = (einsum,)
