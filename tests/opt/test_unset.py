"""Numbers that are not set where they are passed to kernels."""

from typing import Any

import numpy as np
import pytest

import stagec

pytest.importorskip("numba", reason="the Numba target needs Numba")


def early(a: Any) -> Any:
    """The kernel of the inner loop is given what the outer one will return."""
    if len(a) < 3:
        return a.sum() * 1.0
    s = 0.0
    for k, x in enumerate(a):
        if x < 0:
            for y in a[k:]:
                if y > 0:
                    return s + y
                s -= y
        s += x
    return s


@pytest.mark.parametrize("last", [[-2.0, -3.0], [-2.0, 3.0], [2.0, 3.0]])
def test_a_value_that_is_returned_early_and_its_pullback(last: list[float]) -> None:
    a = np.array([1.0, 2.0, -1.0, *last])
    value, pull = stagec.vjp(stagec.jit(early, backend="numba"), a)
    wanted, wanted_pull = stagec.vjp(early, a)
    assert value == wanted == early(a)
    np.testing.assert_array_equal(pull(1.0)[0], wanted_pull(1.0)[0])
