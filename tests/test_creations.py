"""New arrays of kernels: as NumPy makes them, so compiled kernels do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="kernels need Numba")
pipeline = pytest.importorskip("stagec_runtime.pipeline")
creations = pytest.importorskip("stagec_runtime.creations")


def compiled(function: Callable[..., Any]) -> Any:
    """The function as a kernel."""
    return numba.njit(function, pipeline_class=pipeline.Compiler)


def makers(n: int, m: int, a: Any) -> tuple[Any, ...]:
    """New arrays of many kinds."""
    return (
        np.zeros(n),
        np.zeros((n, m), dtype=np.float32),
        np.zeros((n, m, 2), dtype=np.complex128),
        np.ones(m),
        np.ones((m, n), dtype=np.bool_),
        np.full(n, 2.5),
        np.full((n, m), 3),
        np.full((n, m), 3.0, dtype=np.int64),
        np.full((), 7.0),
        np.zeros_like(a),
        np.zeros_like(a.T),
        np.zeros_like(a[:, ::2]),
        np.zeros_like(a, dtype=np.int64),
    )


@pytest.mark.parametrize(("n", "m"), [(2, 3), (1, 1), (0, 3), (3, 0)])
def test_contents(n: int, m: int) -> None:
    given = np.arange(12.0).reshape(3, 4)
    for ours, theirs in zip(compiled(makers)(n, m, given), makers(n, m, given), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
        assert ours.flags.c_contiguous == theirs.flags.c_contiguous
        assert ours.flags.owndata or ours.base is not None
        assert ours.flags.writeable


def test_empty_arrays_are_apart() -> None:
    def two(n: int, a: Any) -> tuple[Any, Any, Any]:
        x, y, z = np.empty((n, 3)), np.empty(n, dtype=np.float32), np.empty_like(a)
        x[:], y[:], z[:] = 1.0, 2.0, 3.0
        return x, y, z

    x, y, z = compiled(two)(4, np.ones((2, 2), dtype=np.int64))
    np.testing.assert_array_equal(x, np.full((4, 3), 1.0))
    np.testing.assert_array_equal(y, np.full(4, 2.0, dtype=np.float32))
    np.testing.assert_array_equal(z, np.full((2, 2), 3))


@pytest.mark.parametrize(
    ("shape", "text"), [((-1, 3), "negative dimensions"), ((2**62, 2**62), "array is too big")]
)
def test_shapes_that_there_are_not(shape: tuple[int, int], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        compiled(lambda n, m: np.zeros((n, m)))(*shape)


def test_no_memory() -> None:
    with pytest.raises(MemoryError):
        compiled(lambda n: np.empty(n))(2**58)


def test_nothing_else_is_compiled() -> None:
    """The point of it: no function of Numba's is compiled before the kernel."""
    kernel = compiled(lambda n: np.zeros_like(np.full((n, n), 1.0)))
    kernel(3)
    code = kernel.overloads[kernel.signatures[0]].library
    assert not [x for x in code._linking_libraries if isinstance(x, pipeline.Library)]
    assert "ol_np_" not in code.get_llvm_str()


def test_the_memory_is_freed() -> None:
    runtime: Any = pytest.importorskip("numba.core.runtime")
    kernel = compiled(lambda n: np.zeros((n, n)).sum())
    kernel(3)
    runtime._nrt_python.memsys_enable_stats()
    try:
        before = runtime.rtsys.get_allocation_stats()
        for _ in range(5):
            kernel(3)
        after = runtime.rtsys.get_allocation_stats()
    finally:
        runtime._nrt_python.memsys_disable_stats()
    assert after.alloc - before.alloc == after.free - before.free


def test_functions_of_other_modules_stay() -> None:
    """Only NumPy's functions are meant, and functions with others inside compile as ever."""

    class Numbers:
        zeros = staticmethod(numba.njit(lambda n: n + 1))

    def several(n: int) -> int:
        return sum([k * k for k in range(n)])

    assert Numbers.zeros(2) == 3
    assert compiled(several)(4) == 14


@pytest.mark.parametrize("dtype", [float, complex, bool, int])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (0, 3)])
def test_arrays_that_grow(dtype: type, shape: tuple[int, ...]) -> None:
    growing = pytest.importorskip("stagec_runtime.growing")
    rows = np.arange(np.prod(shape)).reshape(shape).astype(dtype)

    def kernel(rows: Any) -> Any:
        return growing.doubled(rows)

    for found in (compiled(kernel)(rows), kernel(rows)):
        assert found.shape == (2 * len(rows), *shape[1:])
        assert found.dtype == rows.dtype
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found[: len(rows)], rows)


def test_new_arrays_begin_a_line_of_the_cache() -> None:
    @compiled
    def made(n: int) -> Any:
        return np.empty(n), np.zeros((n, n)), np.ones(n, dtype=np.float32)

    kept = [array for n in range(1, 40) for array in made(n)]
    assert {array.ctypes.data % 64 for array in kept} == {0}
