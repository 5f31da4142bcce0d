"""Values from outside the staged function that change between calls."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import stagec

FACTOR: Any = 2.0
BACKENDS = pytest.mark.parametrize("backend", ["numpy", "numba"])


def scaled(x: Any) -> Any:
    return np.sum(x * FACTOR)


@BACKENDS
def test_a_number_that_becomes_something_else_is_noticed(backend: str) -> None:
    """Once it has changed it is read at each call, by code for a number of that type."""
    global FACTOR
    f, x = stagec.jit(scaled, backend=backend), np.arange(7)
    for now in (2.0, 3.0, 1j, 5.0, 2, np.arange(7.0), np.float32(1.5), True, 2.0):
        FACTOR = now
        found, wanted = f(x), scaled(x)
        assert (found, type(found)) == (wanted, type(wanted))


@stagec.jit
def doubled(x: Any) -> Any:
    return x * 2.0


def test_compiled_functions_are_copied_and_pickled_by_name() -> None:
    assert doubled(1.5) == 3.0
    assert copy.deepcopy([doubled]) == copy.copy([doubled]) == [doubled]
    assert pickle.loads(pickle.dumps(doubled)) is doubled
