"""What an op is in a compiled kernel, against its value, element by element."""

from __future__ import annotations

import ast
import math
from typing import Any

import gast
import numpy as np
import pytest

import stagec
from stagec.codegen.kernels import kernel_templates
from stagec.codegen.tree import name
from stagec.ir.build import Builder, freeze
from stagec.ir.core import Apply, Structured, Value
from stagec.ir.function import Function
from stagec.ir.lowering import kernel_source
from stagec.ir.narrow import NARROW
from stagec.ir.types import ArrayType, type_of
from tests.elementary.functions import SPECIAL
from tests.ops.test_rules import SAMPLES

numba = pytest.importorskip("numba", reason="the Numba target needs Numba")
kernels = pytest.importorskip("stagec_runtime.kernels")


def element_cases(op: Any) -> Any:
    """The sampled operands, arrays cut down to one element."""
    for args, attrs in SAMPLES[op]:
        if all(np.ndim(a) == 0 or np.size(a) for a in args) and not any(
            isinstance(a, list | str) for a in args
        ):
            for pick in (0, -1):
                yield [a.ravel()[pick] if np.ndim(a) else a for a in args], attrs


def kernel_of(op: Any, args: Any, attrs: Any) -> Any:
    """The statement on numbers, if a kernel can hold it."""
    params = tuple(Value(type_of(a)) for a in args)
    try:
        out = op.infer(*(p.type for p in params), **attrs)
    except TypeError:
        return None
    if not isinstance(out, ArrayType) or out.rank:
        return None
    stmt = Apply(op, params, freeze(attrs), (Value(out),))
    return stmt if kernel_source(stmt) is not None else None


CASES = [
    (op, args, attrs)
    for op in SAMPLES
    if not isinstance(op.scalar, Structured)
    for args, attrs in element_cases(op)
    if kernel_of(op, args, attrs) is not None
]
FORMS = {(op, tuple(str(type_of(a)) for a in args), repr(attrs)): (args, attrs)
         for op, args, attrs in CASES}  # fmt: skip


def compiled(op: Any, args: Any, attrs: Any) -> Any:
    """The template of the op on numbers, as a compiled function."""
    stmt = kernel_of(op, args, attrs)
    builder = Builder()
    builder.append(stmt)
    fn = Function("f", builder.block(stmt.args, stmt.outs), kernel=True)
    (template,) = kernel_templates(fn).values()
    names = [f"x{k}" for k in range(len(args))]
    tree = template.fill([name(n) for n in names])
    text = ast.unparse(ast.fix_missing_locations(gast.gast_to_ast(gast.Expression(tree))))
    space = {"np": np, "math": math, "kernels": kernels}
    exec(f"def f({', '.join(names)}):\n    return {text}\n", space)
    return numba.njit(error_model="numpy")(space["f"])


@pytest.mark.parametrize("form", FORMS, ids=lambda f: f"{f[0].name}-{'-'.join(f[1])}")
def test_kernel_form_gives_the_value(form: Any) -> None:
    op = form[0]
    args, attrs = FORMS[form]
    with np.errstate(all="ignore"):
        want = op.value(*args, **attrs)
    got = compiled(op, args, attrs)(*args)
    kind = np.result_type(want)
    # narrow integers are kept in 64 bits
    assert np.result_type(got).kind == ("i" if kind in NARROW else kind.kind)
    single = kind in (np.dtype(np.float32), np.dtype(np.complex64))
    np.testing.assert_allclose(got, want, rtol=1e-5 if single else 1e-13)


@pytest.mark.parametrize("shift", [kernels.left_shift, kernels.right_shift])
def test_shifts_of_integers(shift: Any) -> None:
    run = numba.njit(lambda x, y: shift(x, y))
    for x in (0, 1, -1, 12345, -(2**40), 2**61):
        for y in (0, 1, 5, 63, 200):
            wanted = shift(x, y)
            if abs(wanted) <= 2**62:
                assert run(x, y) == wanted
            elif wanted:
                with pytest.raises(OverflowError):
                    run(x, y)
    with pytest.raises(ValueError, match="negative shift count"):
        run(1, -1)


@pytest.mark.parametrize("kind", [np.complex128, np.complex64])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_absolute_values_of_complex_numbers(kind: Any) -> None:
    """Without the branches of Numba's own; squares do not overflow, and infinity tells."""
    sides = np.meshgrid(SPECIAL, SPECIAL)
    z = np.ravel(sides[0] + 0j).astype(kind)
    z.imag = np.ravel(sides[1])
    longer = stagec.jit(lambda z: abs(z) + 1, backend="numba")
    found, wanted = longer(z), abs(z) + 1
    assert "kernels.hypot(" in longer.source(z)
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=4 * float(np.finfo(kind).eps))


@pytest.mark.parametrize("function", [np.tanh, np.arccosh])
def test_complex_functions_far_from_zero_and_beside_a_cut(function: Any) -> None:
    def each(z: Any) -> Any:
        found = np.zeros_like(z)
        for k in range(len(z)):
            found[k] = function(z[k]) + 0.5 * z[k]
        return found

    z = np.array([800 + 1j, -400 - 2j, complex(-2.5, -0.0), complex(-2.5, 0.0), 0.3 - 1e-200j])
    found = stagec.jit(each, backend="numba")(z.copy())
    np.testing.assert_allclose(found, each(z), rtol=1e-14)


@pytest.mark.parametrize("of", [lambda x: 3, lambda x: x > 0, lambda x: x, lambda x: int(x)])
def test_arrays_of_lists_of_numbers_are_made_in_kernels(of: Any) -> None:
    def program(x: Any) -> Any:
        found = []
        for k in range(x.shape[0]):
            if x[k] < 5:
                found.append(of(x[k]))
        return np.array(found)

    compiled, x = stagec.jit(program, backend="numba"), np.array([1.0, -1.0, 9.0, 4.5])
    got, want = compiled(x), program(x)
    np.testing.assert_array_equal(got, want)
    assert got.dtype == want.dtype
    assert "kernel" in compiled.source(x)
    assert not compiled.explain(x).fallbacks
