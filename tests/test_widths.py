"""Integers cut to their width, in compiled code and in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit

from stagec_runtime import kernels

NUMBERS = (0, 1, -1, 127, 128, -129, 255, 256, 2**31, -(2**31) - 1, 2**32 + 5, 2**62, -(2**62))


@pytest.mark.parametrize("name", ["int8", "int16", "int32", "uint8", "uint16", "uint32"])
def test_a_number_is_cut_as_numpy_casts_it(name: str) -> None:
    function = getattr(kernels, name)
    compiled = njit(lambda x: function(x))
    for n in NUMBERS:
        wanted = int(np.int64(n).astype(name))
        assert function(n) == compiled(n) == wanted


def test_numbers_that_do_not_fit_raise() -> None:
    compiled: Any = njit(lambda x: kernels.within(x, -128, 127))
    for function in (lambda x: kernels.within(x, -128, 127), compiled):
        assert [function(n) for n in (-128, 0, 127)] == [-128, 0, 127]
        for n in (-129, 128):
            with pytest.raises(OverflowError):
                function(n)


def test_shifts_by_any_count() -> None:
    left: Any = njit(lambda x, n: kernels.left_shifted(x, n))
    right: Any = njit(lambda x, n: kernels.right_shifted(x, n))
    for x in (0, 5, -5, 2**62, -(2**63)):
        for n in (0, 1, 62, 63, 64, 100, -1, -64):
            with np.errstate(all="ignore"):
                up, down = np.int64(x) << np.int64(n), np.int64(x) >> np.int64(n)
            assert left(x, n) == kernels.left_shifted(x, n) == up
            assert right(x, n) == kernels.right_shifted(x, n) == down
