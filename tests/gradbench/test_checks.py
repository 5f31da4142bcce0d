"""The GradBench programs: values of the specification, derivatives found in two ways."""

from __future__ import annotations

import numpy as np
import pytest

from examples.gradbench import checks, saddle
from examples.gradbench.protocol import EVALS


@pytest.mark.parametrize("name", EVALS)
def test_derivatives(name: str) -> None:
    checks.check_derivatives(name, "numpy")


@pytest.mark.parametrize("name", EVALS[:-2])  # the recorded sessions of the last two are these
def test_values(name: str) -> None:
    checks.check_values(name, "numpy")


@pytest.mark.parametrize("name", EVALS[1:-1])
def test_values_of_compiled_loops(name: str) -> None:
    checks.check_values(name, "numba")


def test_compiled_descent_through_a_descent() -> None:
    # each of the four modes takes a quarter of a minute to stage and compile
    found = saddle.functions("numba")["rr"](np.array([1.0, 1.0]))
    np.testing.assert_allclose(found, 8.246324826140356e-06, rtol=1e-9)


def test_every_eval_is_checked() -> None:
    assert set(checks.CHECKS) == set(checks.VALUES) == set(EVALS)
