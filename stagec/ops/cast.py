"""Conversions of element type and of kind: casts, complex parts, Python and NumPy scalars.

All of them are linear, and none rounds where Python or NumPy would not.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Cost, Library, Op, Operand, Staged
from stagec.ir.narrow import NARROW
from stagec.ir.types import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    LONG,
    ArrayType,
    may_be_one,
    type_of,
)
from stagec.ops.axes import dtype_of, expand_dims, move_axis, squeeze
from stagec.ops.copying import copy
from stagec.ops.family import array, linear, make, same_axis

PYTHON = {"bool": BOOL, "int": INT, "float": FLOAT, "complex": COMPLEX}
NAMES = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}
CONVERTERS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind for kind in (bool, int, float, complex)
}


def number_type(x: Any) -> ArrayType:
    """The type of a handle, an array or a number."""
    found = x.type if isinstance(x, Staged) else type_of(x)  # type: ignore[attr-defined]
    if not isinstance(found, ArrayType):
        raise TypeError(f"expected a number or an array, got {found}")
    return found


# --- element types -------------------------------------------------------------------------


def _astype_infer(x: ArrayType, *, dtype: np.dtype) -> ArrayType:
    return ArrayType(dtype, x.shape, "np" if x.kind == "py" else x.kind)


def _drops_imaginary(x: np.dtype, dtype: np.dtype) -> bool:
    return x.kind == "c" and dtype.kind not in "cb"


def _astype_value(x: Any, *, dtype: np.dtype) -> Any:
    if _drops_imaginary(dtype_of(x), dtype):
        x = x.real
    return x.astype(dtype) if isinstance(x, np.ndarray | np.generic) else dtype.type(x)


def _astype_source(x: ArrayType, *, dtype: np.dtype) -> str:
    part = ".real" if _drops_imaginary(x.dtype, dtype) else ""
    # the constructor of an integer type would raise for infinities, where a cast warns
    cuts = x.kind == "np" and x.dtype.kind in "fc" and dtype.kind in "iu"
    if x.kind == "array" or cuts:
        return f"{{}}{part}.astype(np.{dtype.name})"
    return f"np.{dtype.name}({{}}{part})"


def _astype_scalar(x: ArrayType, dtype: np.dtype) -> str | Library:
    """A cast in compiled code; of floats to integers there NaN has no agreed value."""
    if x.dtype.kind in "fc" and dtype.kind in "iu":
        return LIBRARY
    if dtype in NARROW:
        return "{}"  # kernels cut it
    part = ".real" if _drops_imaginary(x.dtype, dtype) else ""
    return f"np.{'bool_' if dtype.kind == 'b' else dtype.name}({{}}{part})"


def _astype_vjp(ct: Any, out: Any, x: Any, *, dtype: np.dtype) -> tuple[Any]:
    return (fit_dtype(ct, dtype_of(x)) if dtype.kind in "fc" else None,)


def _astype_jvp(dxs: Any, out: Any, x: Any, *, dtype: np.dtype) -> Any:
    return astype(dxs[0], dtype=dtype) if dtype.kind in "fc" else None


def _astype_same(x: Any, *, dtype: np.dtype) -> Any:
    if x.dtype != dtype or x.type.kind == "py":
        return None
    return copy(x) if x.type.kind == "array" else x


def _astype_real(x: Any, *, dtype: np.dtype) -> Any:
    return astype(real(x), dtype=dtype) if _drops_imaginary(x.dtype, dtype) else None


def _astype_call(x: Any, dtype: Any, /, *, copy: bool = True, device: None = None) -> Any:
    wanted = np.dtype(dtype)
    if not copy and number_type(x).kind == "array" and dtype_of(x) == wanted:
        return x
    return astype(x, dtype=wanted)


def _constructor(dtype: np.dtype) -> Callable[..., Any]:
    def call(x: Any = 0, /) -> Any:
        """As the NumPy type called: rank 0 becomes a NumPy scalar."""
        type_ = number_type(x)
        if type_.dtype.kind == "c" and dtype.kind not in "bc":
            raise TypeError(f"{dtype}: a complex number is not a real one, use .real")
        if type_.kind == "array" and not type_.rank:
            x = to_numpy(x)
        return x if type_.kind == "np" and type_.dtype == dtype else astype(x, dtype=dtype)

    return call


astype = make(
    "astype",
    calls=(
        (np.astype, _astype_call),
        *((dtype.type, _constructor(dtype)) for dtype in LONG.values()),
    ),
    infer=_astype_infer,
    value=_astype_value,
    vjp=_astype_vjp,
    jvp=_astype_jvp,
    batch=same_axis(lambda: astype),
    source=_astype_source,
    scalar=lambda x, *, dtype: _astype_scalar(x, dtype),
    cost=Cost.CHEAP,
    any_width=True,
    rewrites=(_astype_same, _astype_real),
)


def to_dtype(x: Any, dtype: Any) -> Any:
    """`x` with the elements that an argument `dtype` of NumPy asks for; None asks for none."""
    if dtype is None or np.dtype(dtype) == dtype_of(x):
        return x
    return astype(x, dtype=np.dtype(dtype))


def fit_dtype(ct: Any, dtype: np.dtype) -> Any:
    """`ct` in element type `dtype`: the transpose of NumPy's promotion."""
    if dtype_of(ct).kind == "c" and dtype.kind != "c":
        ct = real(ct)
    return ct if dtype_of(ct) == dtype else astype(ct, dtype=dtype)


# --- complex parts -------------------------------------------------------------------------


def _part_infer(x: ArrayType) -> ArrayType:
    if x.weak and x.dtype.kind == "b":
        return INT
    dtype = np.dtype(f"f{x.dtype.itemsize // 2}") if x.dtype.kind == "c" else x.dtype
    return replace(x, dtype=dtype, size=None)


def _real_value(x: Any) -> Any:
    return x.real if hasattr(x, "real") else np.real(x)


def _to_complex(ct: Any, x: Any) -> Any:
    return astype(ct, dtype=dtype_of(x)) if dtype_of(x).kind == "c" else ct


real = linear(
    "real",
    calls=((np.real, lambda val: real(val) if dtype_of(val).kind in "bc" else val),),
    infer=_part_infer,
    value=_real_value,
    vjp=lambda ct, out, x: _to_complex(ct, x),
    batch=same_axis(lambda: real),
    source="{}.real",
    scalar="{}.real",
    alias=0,
    cost=Cost.FREE,
)


# w * imag(v) = Re <i * w, v>
imag = linear(
    "imag",
    calls=((np.imag, lambda val: imag(val)),),
    infer=_part_infer,
    value=lambda x: x.imag,
    vjp=lambda ct, out, x: ct * 1j if dtype_of(x).kind == "c" else None,
    batch=same_axis(lambda: imag),
    source="{}.imag",
    scalar="{}.imag",
    alias=0,
    cost=Cost.FREE,
)


def _conj_infer(x: ArrayType) -> ArrayType:
    return array(np.conj.resolve_dtypes((x.dtype, None))[-1], x.shape)


conj = linear(
    "conj",
    calls=((np.conj, lambda x: conj(x)),),
    infer=_conj_infer,
    value=np.conj,
    vjp=lambda ct, out, x: conjugate(ct),
    batch=same_axis(lambda: conj),
    source="np.conj({})",
    scalar="np.conj({})",
    cost=Cost.CHEAP,
)


def conjugate(x: Any) -> Any:
    """The complex conjugate; `x` itself if it is real."""
    return conj(x) if dtype_of(x).kind == "c" else x


# --- NumPy scalars -------------------------------------------------------------------------


def _to_numpy_infer(x: ArrayType) -> ArrayType:
    if x.rank:
        raise TypeError(f"expected one number, got {x}")
    return ArrayType(x.dtype, (), "np")


def _to_numpy_source(x: ArrayType) -> str:
    if x.kind == "array":
        return "{}[()]"
    return f"np.{x.dtype.name}({{}})" if x.kind == "py" else "{}"


to_numpy = linear(
    "to_numpy",
    calls=(),
    infer=_to_numpy_infer,
    value=lambda x: np.asarray(x)[()],
    vjp=lambda ct, out, x: ct,
    batch=lambda args, axes: (args[0], axes[0]),
    source=_to_numpy_source,
    scalar="{}",
    cost=Cost.FREE,
    any_width=True,
    rewrites=(lambda x: x if x.type.kind == "np" else None,),
    flat=lambda x: (x,),
)


def strong(x: Any) -> Any:
    """`x`, a Python number made a NumPy scalar: dividing by it never raises."""
    if isinstance(x, Staged):
        return to_numpy(x) if number_type(x).weak else x
    return to_numpy(x) if type(x) in CONVERTERS.values() else x


# --- Python numbers ------------------------------------------------------------------------


def _to_python_infer(x: ArrayType, *, kind: str) -> ArrayType:
    if not all(may_be_one(d) for d in x.shape):
        if kind == "bool":  # with NumPy's own words
            bool(np.empty([d if isinstance(d, int) else 2 for d in x.shape]))
        raise TypeError(f"only an array of one element can become a Python number, got {x}")
    if x.dtype.kind == "c" and kind not in ("complex", "bool"):
        raise TypeError(f"{kind}: a complex number has no order")
    out = PYTHON[kind]
    return replace(out, size=x.size) if kind == "int" else out


def _to_python_scalar(x: ArrayType, kind: str) -> str | Library:
    """The conversion in compiled code; `int` of a float checks that it is one."""
    if kind == "int" and x.dtype.kind == "f":
        return "kernels.whole(int({0}), {0})"
    wide = {"float": "np.float64", "complex": "np.complex128"}.get(kind, kind)
    return f"{kind if x.dtype.itemsize >= PYTHON[kind].dtype.itemsize else wide}({{}})"


def _to_python_raises(x: Operand, *, kind: str) -> tuple[type[BaseException], ...]:
    assert isinstance(x.type, ArrayType)
    whole = kind != "int" or x.type.dtype.kind != "f"  # NaN and infinities are no integers
    return () if whole and all(d == 1 for d in x.type.shape) else (ValueError, OverflowError)


def _to_python_value(x: Any, *, kind: str) -> Any:
    return CONVERTERS[kind](x.item() if isinstance(x, np.ndarray) else x)


def _to_python_source(x: ArrayType, *, kind: str) -> str:
    if x.kind != "array":
        return f"{kind}({{}})"
    return "{}.item()" if NAMES[x.dtype.kind] == kind else f"{kind}({{}}.item())"


def _to_python_vjp(ct: Any, out: Any, x: Any, *, kind: str) -> tuple[Any]:
    if kind not in ("float", "complex"):
        return (None,)
    ct, rank = fit_dtype(ct, dtype_of(x)), np.ndim(x)
    return (expand_dims(ct, axes=tuple(range(rank))) if rank else ct,)


def _to_python_jvp(dxs: Any, out: Any, x: Any, *, kind: str) -> Any:
    return to_python(dxs[0], kind=kind) if kind in ("float", "complex") else None


def one_each(x: Any, axis: int) -> Any:
    """A batch of arrays of one element as an array of rank 1."""
    x = move_axis(x, axis, 0)
    return squeeze(x, axes=tuple(range(1, np.ndim(x)))) if np.ndim(x) > 1 else x


def _to_python_batch(args: Any, axes: Any, *, kind: str) -> tuple[Any, int]:
    return astype(one_each(args[0], axes[0]), dtype=PYTHON[kind].dtype), 0


def _already(x: Any, *, kind: str) -> Any:
    return x if x.type.weak and NAMES[x.dtype.kind] == kind and x.dtype.kind != "u" else None


def _convert(kind: str) -> Callable[..., Any]:
    def call(x: Any = 0, /) -> Any:
        """As the Python type called on a number."""
        if kind != "bool" and np.ndim(x):
            raise TypeError("only an array of rank 0 can become a Python number, use .item()")
        return to_python(x, kind=kind)

    return call


def _item_call(a: Any) -> Any:
    return to_python(a, kind=NAMES[dtype_of(a).kind])


def _index_call(a: Any) -> Any:
    if dtype_of(a).kind not in "iub":
        raise TypeError(f"{number_type(a)} cannot be interpreted as an integer")
    return to_python(a, kind="int")


to_python = make(
    "to_python",
    calls=(
        (bool, _convert("bool")),
        (int, _convert("int")),
        (float, _convert("float")),
        (operator.truth, _convert("bool")),
        (operator.index, _index_call),
        (np.ndarray.item, _item_call),
        (np.generic.item, _item_call),
    ),
    infer=_to_python_infer,
    value=_to_python_value,
    vjp=_to_python_vjp,
    jvp=_to_python_jvp,
    batch=_to_python_batch,
    source=_to_python_source,
    scalar=lambda x, *, kind: _to_python_scalar(x, kind),
    may_raise=_to_python_raises,
    cost=Cost.FREE,
    any_width=True,
    rewrites=(_already,),
    flat=lambda x, *, kind: (x,),
)


OPS: tuple[Op, ...] = (astype, real, imag, conj, to_numpy, to_python)
