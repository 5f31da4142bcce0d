"""NumPy scalars that kernels make."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba")

import stagec as sc  # noqa: E402
from stagec_runtime import kernels  # noqa: E402

NUMBERS = (0.0, -0.0, 1.5, -2.5e300, np.inf, -np.inf)


def test_kernels_return_scalars_as_numpy_makes_them() -> None:
    made: Any = numba.njit(lambda x, n: (kernels.float64(x), kernels.int64(n), x))
    for x in NUMBERS:
        for n in (0, -1, 2**62, -(2**63)):
            for found in (made(x, n), made.py_func(x, n)):
                assert [type(v) for v in found] == [np.float64, np.int64, float]
                assert found == (x, n, x)
                assert np.signbit(found[0]) == np.signbit(x)
                assert found[0] + 1 == np.float64(x) + 1
                assert hash(found[0]) == hash(x)
    assert np.isnan(made(np.nan, 0)[0])
    assert type(numba.njit(lambda x: kernels.float64(x))(3)) is np.float64


def test_scalars_are_freed() -> None:
    made: Any = numba.njit(lambda x: kernels.float64(x))
    made(1.0)
    before = sys.getallocatedblocks()
    references = sys.getrefcount(np.float64)
    for k in range(10_000):
        made(float(k))
    kept = [made(float(k)) for k in range(1000)]
    assert sys.getrefcount(np.float64) <= references + 1100
    assert kept[77] == 77.0
    del kept
    gc.collect()
    assert sys.getallocatedblocks() < before + 1000


def newton(m: Any, e: Any) -> Any:
    x, trips = m, 0
    while abs(x - e * np.sin(x) - m) > 1e-12 * (1 + trips):
        x = x - (x - e * np.sin(x) - m) / (1.0 - e * np.cos(x))
        trips += 1
    return x, trips, np.int64(trips) + 1, x > 0.5


def test_results_have_the_types_of_the_program() -> None:
    staged, gradient = sc.jit(newton, backend="numba"), sc.jit(newton)
    for args in ((0.8, 0.9), (np.float64(0.8), 0.9)):
        wanted = newton(*args)
        for function in (staged, gradient):
            found = function(*args)
            assert [type(v) for v in found] == [type(v) for v in wanted]
            np.testing.assert_allclose(np.array(found, float), np.array(wanted, float))
    assert "return kernels.float64(x)" in staged.source(0.8, 0.9)


PROGRAM = """
import sys
import numpy as np
import stagec as sc
import tests.test_scalars as own
f = sc.jit(own.newton, backend="numba")
print([type(v).__name__ for v in f(0.8, 0.9)], f(0.8, 0.9)[0] == own.newton(0.8, 0.9)[0])
"""


def test_machine_code_from_the_store_makes_them_too(tmp_path: Any) -> None:
    environment = {**os.environ, "STAGEC_CACHE_DIR": str(tmp_path / "cache")}
    (tmp_path / "cache").mkdir(mode=0o700)
    told = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert told[0] == told[1]
    assert b"float64" in told[0]
