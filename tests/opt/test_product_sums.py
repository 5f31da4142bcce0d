"""Products of sums in place of sums of products in backward loops."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(5)
X, W, CENTRES = (
    RNG.normal(size=(40, 17)),
    RNG.normal(size=(3, 17, 18)),
    RNG.normal(size=(3, 17)),
)
ELEMENT = re.compile(r"product\w*\[\w+, [a-z]\w*\]")


def distances(x: Any, w: Any, centres: Any) -> Any:
    t = 0.0
    for c in range(len(centres)):
        t += np.sum(((x - centres[c]) @ w[c]) ** 3)
    return t


def columns(x: Any, w: Any, centres: Any) -> Any:
    """Sums over the other axis: of the rows of the right factor."""
    t = 0.0
    for c in range(len(centres)):
        t += np.sum(np.sin(w[c].T @ (centres[c][:, None] - x.T)))
    return t


def numbers(x: Any, w: Any, centres: Any) -> Any:
    """Sums over both."""
    t = 0.0
    for c in range(len(centres)):
        t += np.sum(np.sin((x + centres[c, 0]) @ w[c]))
    return t


PROGRAMS = [distances, columns, numbers]


def elements(program: Callable[..., Any], *wrt: int) -> int:
    """How often the gradient reads elements of products that are matrices."""
    source = stagec.grad(program, argnums=wrt, backend="numba").source(X, W, CENTRES)
    return len(ELEMENT.findall(source))


@pytest.mark.parametrize("program", PROGRAMS)
def test_products_of_which_only_sums_are_needed_are_not_made(
    program: Callable[..., Any],
) -> None:
    assert elements(program, 2) < elements(program, 0, 2)


@pytest.mark.parametrize("kind", [np.float64, np.complex128, np.float32])
@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients(program: Callable[..., Any], kind: type) -> None:
    def real(*args: Any) -> Any:
        return np.real(program(*args))

    found, wanted = (stagec.grad(real, argnums=2, backend=b) for b in ("numba", "numpy"))
    turn = np.exp(0.3j) if kind is np.complex128 else 1.0
    tolerance = 1e-4 if kind is np.float32 else 1e-11
    for rows in (40, 1, 0):
        args = [(turn * a).astype(kind) for a in (X[:rows], 0.1 * W, CENTRES)]
        np.testing.assert_allclose(found(*args), wanted(*args), rtol=tolerance, atol=tolerance)


def test_what_the_program_sums_up_is_a_product_first() -> None:
    """Its order is the program's."""

    def program(x: Any, w: Any) -> Any:
        t = np.zeros(18)
        for c in range(len(w)):
            t = t + np.sum(-(x @ w[c]), axis=0)
        return t

    huge = np.array([[1e308], [1e308]]) * np.ones(17), 1e-10 * np.ones((3, 17, 18))
    found = stagec.jit(program, backend="numba")(*huge)
    np.testing.assert_allclose(found, program(*huge))
    assert np.isfinite(found).all()
