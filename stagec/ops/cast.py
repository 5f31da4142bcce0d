"""Conversions of element type and of kind: casts, complex parts, Python and NumPy scalars."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stagec.ir.core import Cost, Effect, Op
from stagec.ir.types import ArrayType


def _astype_infer(x: ArrayType, *, dtype: np.dtype) -> ArrayType:
    return ArrayType(dtype, x.shape, "np" if x.kind == "py" else x.kind)


def _astype_value(x: Any, *, dtype: np.dtype) -> Any:
    if isinstance(x, np.ndarray):
        return x.real.astype(dtype) if x.dtype.kind == "c" > dtype.kind else x.astype(dtype)
    return dtype.type(x.real if dtype.kind in "fiub" else x)


def _astype_source(x: ArrayType, *, dtype: np.dtype) -> str:
    part = ".real" if x.dtype.kind == "c" and dtype.kind != "c" else ""
    if x.kind == "array":
        return f"{{}}{part}.astype(np.{dtype.name})"
    return f"np.{dtype.name}({{}}{part})"


def fit_dtype(ct: Any, dtype: np.dtype) -> Any:
    """`ct` in element type `dtype`: the transpose of NumPy's promotion."""
    if ct.dtype == dtype:
        return ct
    if ct.dtype.kind == "c" and dtype.kind != "c":
        ct = real(ct)
    return ct if ct.dtype == dtype else astype(ct, dtype=dtype)


astype = Op(
    name="astype",
    calls=(),
    infer=_astype_infer,
    value=_astype_value,
    vjp=lambda ct, out, x, *, dtype: (fit_dtype(ct, x.dtype),),
    jvp=lambda dxs, out, x, *, dtype: astype(dxs[0], dtype=dtype),
    expand=None,
    batch=lambda args, axes, *, dtype: (astype(args[0], dtype=dtype), axes[0]),
    source=_astype_source,
    scalar="{dtype}({})",
    alias=None,
    overwrites=None,
    may_raise=(),
    effect=Effect.NONE,
    cost=Cost.CHEAP,
    rewrites=(),
)


def _real_infer(x: ArrayType) -> ArrayType:
    dtype = np.dtype(f"f{x.dtype.itemsize // 2}") if x.dtype.kind == "c" else x.dtype
    return replace(x, dtype=dtype, size=None)


def _complexify(ct: Any, dtype: np.dtype) -> Any:
    return astype(ct, dtype=dtype) if dtype.kind == "c" else ct


def _part(x: Any, name: str) -> Any:
    return getattr(x, name) if hasattr(x, name) else getattr(np, name)(x)


real = Op(
    name="real",
    calls=((np.real, lambda val: real(val) if val.dtype.kind == "c" else val),),
    infer=_real_infer,
    value=lambda x: _part(x, "real"),
    vjp=lambda ct, out, x: (_complexify(ct, x.dtype),),
    jvp=lambda dxs, out, x: real(dxs[0]),
    expand=None,
    batch=lambda args, axes: (real(args[0]), axes[0]),
    source="{}.real",
    scalar="{}.real",
    alias=0,
    overwrites=None,
    may_raise=(),
    effect=Effect.NONE,
    cost=Cost.FREE,
    rewrites=(),
)


def _conj_infer(x: ArrayType) -> ArrayType:
    return ArrayType(x.dtype, x.shape, "np" if x.rank == 0 else "array")


conj = Op(
    name="conj",
    calls=(
        (np.conj, lambda x: conjugate(x)),
        (np.conjugate, lambda x: conjugate(x)),
    ),
    infer=_conj_infer,
    value=np.conj,
    vjp=lambda ct, out, x: (conjugate(ct),),
    jvp=lambda dxs, out, x: conjugate(dxs[0]),
    expand=None,
    batch=lambda args, axes: (conj(args[0]), axes[0]),
    source="np.conj({})",
    scalar="{}.conjugate()",
    alias=None,
    overwrites=None,
    may_raise=(),
    effect=Effect.NONE,
    cost=Cost.CHEAP,
    rewrites=(),
)


def conjugate(x: Any) -> Any:
    """The complex conjugate; `x` itself if it is real."""
    return conj(x) if np.dtype(getattr(x, "dtype", type(x))).kind == "c" else x
