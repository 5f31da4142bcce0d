"""Rules of ops that are linear in each of two operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stagec.ir.core import Op
from stagec.ir.types import Dim
from stagec.ops.axes import dtype_of
from stagec.ops.cast import fit_dtype


def check_inner(name: str, a: Dim, b: Dim) -> None:
    """Raise `TypeError` if the sizes that are summed over surely differ."""
    if isinstance(a, int) and isinstance(b, int) and a != b:
        raise TypeError(f"{name}: cannot sum over axes of sizes {a} and {b}")


def inexact(x: Any) -> bool:
    """Whether it has a cotangent."""
    return dtype_of(x).kind in "fc"


def sum_terms(*terms: Any) -> Any:
    """The sum of the terms that are not None; None if all are."""
    found = None
    for term in terms:
        if term is not None:
            found = term if found is None else found + term
    return found


def bilinear_jvp(product: Callable[[], Op]) -> Callable[..., Any]:
    """The rule of an op that is linear in each of its two operands."""

    def rule(dxs: Any, out: Any, a: Any, b: Any, **attrs: Any) -> Any:
        da, db = dxs
        total = sum_terms(
            None if da is None else product()(da, b, **attrs),
            None if db is None else product()(a, db, **attrs),
        )
        return fit_dtype(total, dtype_of(out))

    return rule
