"""What one path of a call raises: the others go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc


def perhaps_pair(x: Any) -> Any:
    print("asked")  # noqa: T201
    if x > 0:
        return x, 2.0 * x
    return None


def unpacked(x: Any) -> Any:
    a, b = perhaps_pair(x)
    return a + b


def unpacked_inside_try(x: Any) -> Any:
    try:
        a, b = perhaps_pair(x)
    except TypeError:
        return -1.0
    return a + b


class Opened:
    def __init__(self, x: Any) -> None:
        self.x = x

    def __enter__(self) -> Any:
        return perhaps_pair(self.x)

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        print("left")  # noqa: T201
        if self.x > 2.0:
            raise ValueError("left late")


def entered(x: Any) -> Any:
    with Opened(x) as (a, b):
        return a * b


def outcome(f: Callable[..., Any], x: float, capsys: pytest.CaptureFixture[str]) -> Any:
    try:
        result = f(x)
    except (TypeError, ValueError) as error:
        result = type(error)
    return result, capsys.readouterr().out


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("f", [unpacked, unpacked_inside_try, entered])
def test_what_one_path_raises(
    backend: str, f: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    staged = sc.jit(f, backend=backend)
    for x in (-1.0, 1.5, 3.0):
        expected = outcome(f, x, capsys)
        assert outcome(staged, x, capsys) == expected


def test_the_gradient_of_the_path_that_goes_on() -> None:
    slope = sc.grad(unpacked_inside_try)
    assert slope(1.5) == 3.0
    assert slope(-1.5) == 0.0
    assert np.isfinite(sc.grad(unpacked)(2.0))
