"""The GradBench programs: values of the specification, derivatives found in two ways."""

from __future__ import annotations

import pytest

from examples.gradbench import checks
from examples.gradbench.protocol import EVALS


@pytest.mark.parametrize("name", EVALS)
def test_derivatives(name: str) -> None:
    checks.check_derivatives(name, "numpy")


@pytest.mark.parametrize("name", EVALS[:-2])  # the recorded sessions of the last two are these
def test_values(name: str) -> None:
    checks.check_values(name, "numpy")


@pytest.mark.parametrize("name", EVALS[1:-1])  # `saddle` takes minutes to compile
def test_values_of_compiled_loops(name: str) -> None:
    checks.check_values(name, "numba")


def test_every_eval_is_checked() -> None:
    assert set(checks.CHECKS) == set(checks.VALUES) == set(EVALS)
