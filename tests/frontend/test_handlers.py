"""What one path of a call raises: the others go on."""

from __future__ import annotations

import dataclasses
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


class Coded(Exception):
    kind = "coded"

    def __init__(self, code: Any, weight: Any = 2) -> None:
        super().__init__(f"code {code}", weight)
        self.total = weight * code

    def more(self) -> Any:
        return self.total + 1


class Shown(Exception):
    kind = "shown"

    def __str__(self) -> str:
        return f"<{self.args[0]}>"


@dataclasses.dataclass
class Fielded(Exception):
    c: Any


def coded(x: Any) -> Any:
    try:
        if x > 2:
            raise Coded(x, weight=5)
    except Coded as e:
        e.extra = 3  # type: ignore[attr-defined]
        return e.total, e.more(), e.extra, str(e), repr(e), e.args, e.kind  # type: ignore[attr-defined]
    return 0


def fielded(x: Any) -> Any:
    try:
        if x > 2:
            raise Fielded(x)
        raise Shown(x)
    except Fielded as e:
        return e.c
    except Shown as e:
        return str(e), f"{e} {e!r}", e.kind, type(e).__name__


def plain(x: Any) -> Any:
    found = []
    for kind in (ValueError, KeyError):
        try:
            if x > 2:
                raise kind(x)
            raise kind("a", x)
        except kind as e:
            found += [str(e), repr(e)]
    return found


def uncaught(x: Any) -> Any:
    if x > 2:
        raise Coded(x, weight=5)
    raise Shown(x)


@pytest.mark.parametrize("f", [coded, fielded, plain, uncaught], ids=lambda f: f.__name__)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("x", [1.0, 3.0])
def test_what_exceptions_of_the_user_hold(f: Any, backend: Any, x: float) -> None:
    def outcome(g: Any) -> Any:
        try:
            return g(x)
        except (Coded, Shown) as e:
            return type(e), e.args, vars(e) | {"__notes__": []}

    assert outcome(sc.jit(f, backend=backend)) == outcome(f)


def test_a_path_that_leaves_a_generator_may_change_what_is_outside() -> None:
    log: list[int] = []

    def numbers(n: Any) -> Any:
        try:
            yield from range(n)
        finally:
            log.append(n)

    def f(x: Any, n: Any) -> Any:
        total = 0
        for v in numbers(n):
            if v == 2:
                break
            total += v * x
        return total

    assert sc.jit(f)(3.0, 4) == f(3.0, 4)
    assert log == [4, 4]
