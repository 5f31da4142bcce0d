"""Kernels: what runs as machine code and what as Python."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import BuiltinFunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from stagec_runtime.compiling import Kernel  # noqa: E402
from stagec_runtime.loader import NOTHING  # noqa: E402

LIMIT = 2**40


def installed(function: Callable[..., Any], *integers: int) -> tuple[Kernel, dict[str, Any]]:
    """A kernel in a module of its own, and the variables of that."""
    module = ModuleType("generated")
    kernel = Kernel(module, "kernel", numba.njit(function))
    kernel.install(integers, LIMIT, NOTHING, "")
    return kernel, vars(module)


def test_machine_code_is_called_once_it_is_there() -> None:
    kernel, module = installed(lambda x: x + 1)
    assert module["kernel"] is kernel.dispatcher
    assert module["kernel"](np.ones(2)).sum() == 4.0
    assert isinstance(module["kernel"], BuiltinFunctionType)
    assert module["kernel"](np.ones((2, 2))).sum() == 8.0
    assert len(kernel.dispatcher.signatures) == len(kernel.direct) == 2


def test_floats_are_given_to_machine_code_without_a_look_at_their_types() -> None:
    kernel, module = installed(lambda x, y: x * y)
    assert module["kernel"](1.5, 2.0) == 3.0
    assert module["kernel"](np.float64(2.5), np.float32(0.5)) == 1.25
    assert module["kernel"](2, True) == 2.0
    for other in (1j, None, np.ones(2)):
        with pytest.raises(TypeError):
            module["kernel"](1.0, other)
    assert len(kernel.dispatcher.signatures) == 1


def test_integers_are_not_what_floats_are_cut_to() -> None:
    kernel, module = installed(lambda x, k: x * k, 1)
    for k in (2, True, 2.5, 2**70):
        assert module["kernel"](1.5, k) == 1.5 * k
    kernel, module = installed(lambda x: x / 2)
    assert [module["kernel"](x) for x in (3, True, 2.5)] == [1.5, 0.5, 1.25]
    assert len(kernel.dispatcher.signatures) == 3


@pytest.mark.parametrize("number", [np.float32(0.5), np.int32(3), np.complex64(1j)])
def test_machine_code_for_narrow_numbers_is_not_given_wider_ones(number: Any) -> None:
    kernel, module = installed(lambda x: x + x)
    assert module["kernel"](number) == number + number
    assert module["kernel"] is kernel.dispatcher
    wide = number.item() * (1 + 2**-40)
    assert module["kernel"](wide) == wide + wide


@pytest.mark.parametrize("apart", [False, True])
def test_llvm_is_told_that_arrays_are_apart(apart: bool) -> None:
    module = ModuleType("generated")
    kernel = Kernel(module, "kernel", numba.njit(lambda x, y: x[0] + y[0]), apart)
    kernel.install((), LIMIT, NOTHING, "")
    assert vars(module)["kernel"](np.ones(2), np.ones(2)) == 2.0
    (made,) = kernel.dispatcher.overloads.values()
    assert bool(made.fndesc.noalias) == apart


@pytest.mark.parametrize("integers", [(), (0,)])
def test_what_numba_cannot_compile_runs_as_python(integers: tuple[int, ...]) -> None:
    def f(x: Any) -> Any:
        return {"x": object()} and x + 1

    kernel, module = installed(f, *integers)
    assert module["kernel"](1) == 2
    assert "object" in kernel.refused
    assert module["kernel"] is f


@pytest.mark.parametrize("n", [LIMIT, -LIMIT, 2**70, -(2**70)])
def test_large_integers_run_as_python(n: int) -> None:
    kernel, module = installed(lambda x, k: x * k, 1)
    assert module["kernel"](3, n) == 3 * n
    assert not kernel.dispatcher.signatures
    assert module["kernel"](3, 5) == 15
    assert len(kernel.dispatcher.signatures) == 1


def test_an_error_of_the_code_is_no_refusal() -> None:
    def f(x: Any) -> Any:
        if x > 0:
            raise ValueError("positive")
        return x

    kernel, module = installed(f)
    with pytest.raises(ValueError, match="positive"):
        module["kernel"](1)
    assert not kernel.refused


def test_with_numba_disabled_kernels_are_python() -> None:
    module = ModuleType("generated")

    def f(n: int) -> int:
        return n + 1

    vars(module)["kernel"] = f
    Kernel(module, "kernel", f).install((0,), LIMIT, NOTHING, "")
    assert vars(module)["kernel"] is f


def test_what_only_the_last_stage_of_numba_refuses_runs_as_python() -> None:
    kernel, module = installed(lambda x: x.T[...].sum())
    assert module["kernel"](np.ones((2, 3))) == 6.0
    assert "lowering" in kernel.refused
    assert module["kernel"](np.ones((3, 2))) == 6.0


def test_without_scipy_kernels_that_need_it_run_as_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernels = pytest.importorskip("stagec_runtime.kernels")
    monkeypatch.setitem(sys.modules, "scipy.linalg.cython_lapack", None)
    kernel, module = installed(lambda a, b: kernels.solve(a, b))
    np.testing.assert_array_equal(module["kernel"](2 * np.eye(2), np.ones(2)), [0.5, 0.5])
    assert "scipy" in kernel.refused
