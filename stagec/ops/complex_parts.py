"""Complex numbers made of their real and imaginary parts.

Not `re + 1j * im`, whose real part is NaN where `im` is infinite.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import Cost, Op
from stagec.ir.types import COMPLEX, ArrayType
from stagec.ops.axes import dtype_of
from stagec.ops.broadcast import align
from stagec.ops.cast import fit_dtype, imag, real, to_python
from stagec.ops.family import make
from stagec.ops.form import elementwise


class _Parts:
    """The loops of NumPy's function of this meaning, if it had one."""

    nout = 1

    def resolve_dtypes(self, types: tuple[Any, ...]) -> tuple[np.dtype, ...]:
        """The parts, and complex numbers that hold them."""
        parts = [t() if isinstance(t, type) else np.zeros((), t)[()] for t in types[:-1]]
        if any(np.iscomplexobj(p) for p in parts):
            raise TypeError
        return (*(np.asarray(p).dtype for p in parts), rt.from_parts(*parts).dtype)


def _form(*types: ArrayType) -> str:
    single = _Parts().resolve_dtypes((*(t.dtype for t in types), None))[-1] == np.complex64
    weak = all(t.weak for t in types)
    return "np.complex64(complex({}, {}))" if single and not weak else "complex({}, {})"


from_parts = elementwise(
    "from_parts",
    _Parts(),
    "rt.from_parts({}, {})",
    run=rt.from_parts,
    scalar=_form,
    vjp=(lambda ct, z, re, im: real(ct), lambda ct, z, re, im: imag(ct)),
    jvp=(lambda dx, z, re, im: from_parts(dx, 0.0), lambda dx, z, re, im: from_parts(0.0, dx)),
)


def _complex_call(real: Any = 0, imag: Any = None) -> Any:
    if imag is None:
        return to_python(real, kind="complex")
    return make_complex(to_python(real, kind="float"), to_python(imag, kind="float"))


def _complex_infer(re: ArrayType, im: ArrayType) -> ArrayType:
    if any(t.rank or t.dtype.kind == "c" for t in (re, im)):
        raise TypeError(f"complex needs two real numbers, got {re} and {im}")
    return COMPLEX


make_complex = make(
    "complex",
    calls=((complex, _complex_call),),
    infer=_complex_infer,
    value=complex,
    vjp=lambda ct, out, re, im: (
        fit_dtype(real(ct), dtype_of(re)) if dtype_of(re).kind == "f" else None,
        fit_dtype(imag(ct), dtype_of(im)) if dtype_of(im).kind == "f" else None,
    ),
    jvp=lambda dxs, out, re, im: make_complex(*(0.0 if dx is None else dx for dx in dxs)),
    batch=lambda args, axes: (fit_dtype(from_parts(*align(args, axes)), COMPLEX.dtype), 0),
    source="complex({}, {})",
    scalar="complex({}, {})",
    cost=Cost.CHEAP,
)


OPS: tuple[Op, ...] = (from_parts, make_complex)
