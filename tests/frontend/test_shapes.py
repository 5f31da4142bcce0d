"""Shapes given as arrays of integers."""

from typing import Any

import numpy as np
import pytest

import stagec as sc


def padded(x: Any) -> Any:
    p = np.zeros(np.array(x.shape) + 2)
    p[1:-1, 1:-1] = x * x
    return p[2:, 1:-1] + p[:-2, 1:-1]


def turned(x: Any) -> Any:
    return x.reshape(np.array([x.shape[1], x.shape[0]])) @ np.ones(np.asarray(x.shape))


def written(x: Any) -> Any:
    """The array of sizes is changed before it is used."""
    sizes = np.array(x.shape)
    sizes[0] += 2
    return np.full(sizes, 1.5), np.zeros(shape=np.maximum(x.shape, (2, 5)), dtype=np.float32)


def several(x: Any) -> Any:
    sizes: Any = np.array((2, *x.shape))
    one = np.array([-1])
    return (
        np.broadcast_to(x, sizes) * 2,
        np.reshape(x, one),
        np.tile(x, sizes[1:]),
        np.resize(x, sizes[:2]),
        np.indices(sizes[1:]),
        np.unravel_index(3, sizes[1:]),
        np.ones_like(x, shape=sizes[1:] + 1),
    )


@pytest.mark.parametrize("program", [padded, turned, written, several])
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_the_items_are_the_sizes(program: Any, backend: Any) -> None:
    x = np.arange(6.0).reshape(2, 3)
    found, expected = sc.jit(program, backend=backend)(x), program(x)
    pairs = [found, expected] if isinstance(found, tuple) else [[found], [expected]]
    for a, b in zip(*pairs, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


def test_gradients_pass_through_such_a_shape() -> None:
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(sc.grad(lambda v: np.sum(padded(v)))(x), 2 * x)


def test_sizes_that_are_no_integers_are_refused() -> None:
    with pytest.raises(sc.StagecError, match="a size must be an integer"):
        sc.jit(lambda x: np.zeros(np.array([2.0, 3.0])) + x)(1.0)
