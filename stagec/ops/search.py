"""Where things are: positions of non-zeros, insertion points, membership, counts.

All are constant almost everywhere; sizes that depend on values are unknown in the types, and
have no batched form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Calls, Library, Op
from stagec.ir.types import ArrayType
from stagec.ops.axes import move_axis
from stagec.ops.family import array, constant, reject, static

FLOAT64, INT64 = np.dtype(np.float64), np.dtype(np.int64)


def _nonzero_infer(x: ArrayType) -> Any:
    if x.rank == 0:
        raise TypeError("nonzero needs an array of at least one axis")
    found = tuple(ArrayType(INT64, (None,)) for _ in range(x.rank))
    return found if x.rank > 1 else found[0]


def nonzero_call(a: Any) -> tuple[Any, ...]:
    """The positions of non-zeros, one array an axis."""
    found = nonzero(a)
    return found if isinstance(found, tuple) else (found,)


# one result an axis; not a tuple for one axis
nonzero = constant(
    "nonzero",
    calls=((np.nonzero, nonzero_call),),
    infer=_nonzero_infer,
    value=lambda x: np.nonzero(x) if np.ndim(x) > 1 else np.nonzero(x)[0],
    batch=None,
    source=lambda x: "np.nonzero({})" if x.rank > 1 else "np.nonzero({})[0]",
)
flatnonzero = constant(
    "flatnonzero",
    calls=((np.flatnonzero, lambda a: flatnonzero(a)),),
    infer=lambda x: ArrayType(INT64, (None,)),
    value=np.flatnonzero,
    batch=None,
    source="np.flatnonzero({})",
)
argwhere = constant(
    "argwhere",
    calls=((np.argwhere, lambda a: argwhere(a)),),
    infer=lambda x: ArrayType(INT64, (None, x.rank)),
    value=np.argwhere,
    batch=None,
    source="np.argwhere({})",
)


# --- insertion points ----------------------------------------------------------------------


def _side_text(side: str) -> str:
    return "" if side == "left" else f", side={side!r}"


def _searchsorted_batch(args: Any, axes: Any, /, *, side: str) -> tuple[Any, Any]:
    if axes[0] is not None:
        raise TypeError("vmap: searchsorted needs the same sorted array in every batch element")
    return searchsorted(*args, side=side), axes[1]


def _search_in_kernel(a: ArrayType, v: ArrayType, *, side: str) -> str | Library:
    """The search for one number of the elements' own type, or for one that becomes that."""
    same = v.dtype == a.dtype or (v.weak and a.dtype == FLOAT64)
    if v.rank or not same or a.dtype not in (FLOAT64, INT64):
        return LIBRARY
    return f"kernels.search_{side}({{}}, {{}})"


searchsorted = constant(
    "searchsorted",
    calls=(
        (
            np.searchsorted,
            lambda a, v, side="left", sorter=None: _searchsorted_call(a, v, side, sorter),
        ),
    ),
    infer=lambda a, v, *, side: array(INT64, v.shape),
    value=lambda a, v, *, side: np.searchsorted(a, v, side),
    batch=_searchsorted_batch,
    source=lambda a, v, *, side: f"np.searchsorted({{}}, {{}}{_side_text(side)})",
    scalar=Calls(_search_in_kernel),
)


def _searchsorted_call(a: Any, v: Any, side: Any, sorter: Any) -> Any:
    reject("searchsorted", sorter=sorter)
    return searchsorted(a, v, side=static(side, "side"))


def _digitize_batch(args: Any, axes: Any, /, *, right: bool) -> tuple[Any, Any]:
    if axes[1] is not None:
        raise TypeError("vmap: digitize needs the same bins in every batch element")
    return digitize(*args, right=right), axes[0]


digitize = constant(
    "digitize",
    calls=(
        (
            np.digitize,
            lambda x, bins, right=False: digitize(x, bins, right=static(right, "right")),
        ),
    ),
    infer=lambda x, bins, *, right: array(INT64, x.shape),
    value=lambda x, bins, *, right: np.digitize(x, bins, right),
    batch=_digitize_batch,
    source=lambda x, bins, *, right: (
        f"np.digitize({{}}, {{}}{', right=True' if right else ''})"
    ),
    may_raise=(ValueError,),
)


# --- membership ----------------------------------------------------------------------------


def _isin_call(
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: Any = False,
    *,
    kind: str | None = None,
) -> Any:
    """`kind` says how NumPy finds them, not what."""
    return isin(element, test_elements, invert=bool(static(invert, "invert")))


def _isin_batch(args: Any, axes: Any, /, *, invert: bool) -> tuple[Any, Any]:
    if axes[1] is not None:
        raise TypeError("vmap: isin needs the same test elements in every batch element")
    return isin(*args, invert=invert), axes[0]


isin = constant(
    "isin",
    calls=((np.isin, _isin_call),),
    infer=lambda x, y, *, invert: ArrayType(np.dtype(bool), x.shape),
    value=lambda x, y, *, invert: np.isin(x, y, invert=invert),
    batch=_isin_batch,
    source=lambda x, y, *, invert: f"np.isin({{}}, {{}}{', invert=True' if invert else ''})",
)


# --- orders --------------------------------------------------------------------------------


def _order_shift(*, axis: int, **attrs: Any) -> dict[str, Any]:
    return {"axis": axis + 1, **attrs}


def _order_batch(op: Callable[[], Op]) -> Callable[..., Any]:
    def batch(args: Any, axes: Any, /, **attrs: Any) -> tuple[Any, int]:
        return op()(move_axis(args[0], axes[0], 0), **_order_shift(**attrs)), 0

    return batch


def axis_option(x: ArrayType, axis: int) -> str:
    """The source of an `axis=` argument whose default is the last one."""
    return "" if axis == x.rank - 1 else f", axis={axis}"


def _argsort_source(x: ArrayType, *, axis: int, kind: str | None = None) -> str:
    return f"np.argsort({{}}{axis_option(x, axis)}{f', kind={kind!r}' if kind else ''})"


argsort = constant(
    "argsort",
    calls=(),
    infer=lambda x, *, axis, kind=None: ArrayType(INT64, x.shape),
    value=lambda x, *, axis, kind=None: np.argsort(x, axis, kind),
    batch=_order_batch(lambda: argsort),
    source=_argsort_source,
)
argpartition = constant(
    "argpartition",
    calls=(),
    infer=lambda x, *, axis, kth: ArrayType(INT64, x.shape),
    value=lambda x, *, axis, kth: np.argpartition(x, kth, axis),
    batch=_order_batch(lambda: argpartition),
    source=lambda x, *, axis, kth: (
        f"np.argpartition({{}}, {kth_text(kth)}{axis_option(x, axis)})"
    ),
    may_raise=(ValueError,),
)


def kth_text(kth: tuple[int, ...]) -> str:
    """The `kth` argument of a partition."""
    return str(kth[0] if len(kth) == 1 else kth)


OPS: tuple[Op, ...] = (
    nonzero,
    flatnonzero,
    argwhere,
    searchsorted,
    digitize,
    isin,
    argsort,
    argpartition,
)
