"""`with` statements whose managers are generators (`contextlib.contextmanager`)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import stagec as sc


@contextlib.contextmanager
def scaled(y: Any, k: Any) -> Iterator[Any]:
    y *= k
    yield y
    y /= k


@contextlib.contextmanager
def noted(y: Any, log: Any) -> Iterator[None]:
    log.append(1.0)
    try:
        yield
    except ValueError:
        y[0] = -5.0
        log.append(3.0)
    except KeyError:
        raise RuntimeError("another") from None
    else:
        log.append(4.0)
    finally:
        y += 1
        log.append(2.0)


@contextlib.contextmanager
def either(x: Any) -> Iterator[float]:
    if x.sum() > 0:
        yield 1.0
    else:
        yield 2.0


@contextlib.contextmanager
def never(x: Any) -> Iterator[None]:
    if x is None:
        yield


@contextlib.contextmanager
def twice() -> Iterator[None]:
    yield
    yield


class Counted:
    def __init__(self) -> None:
        self.n = 0

    @contextlib.contextmanager
    def more(self, *, by: int = 1) -> Iterator[int]:
        self.n += by
        yield self.n
        self.n *= 10


def plain(x: Any) -> Any:
    x = x.copy()
    with scaled(x, 3.0) as y:
        s = (y * x).sum()
    return s, x


def returns(x: Any) -> Any:
    """What is behind the yield runs on the path that returns too."""
    x = x.copy()
    with scaled(x, 4.0) as y:
        if y.sum() > 0:
            return y.sum(), x
        s = y[1]
    return s * 2, x


def in_a_loop(x: Any) -> Any:
    s, z = 0.0, x.copy()
    for i in range(len(x)):
        with scaled(z, 2.0) as y:
            if x[i] < 0:
                continue
            if x[i] > 2:
                break
            s += y[i]
    else:
        s += 100.0
    return s, z


def out_of_two(x: Any) -> Any:
    with scaled(x.copy(), 2.0) as y:
        for k in range(len(x)):
            with scaled(y, 3.0) as z:
                if z[k] > 5:
                    return z.sum()
    return y.sum()


def caught(x: Any) -> Any:
    y, log = x.copy(), []
    with noted(y, log):
        if x[0] > 0:
            raise ValueError("caught by the manager")
        y[0] = 7.0
    return y, log


def passed_on(x: Any) -> Any:
    y, log = x.copy(), []
    try:
        with noted(y, log):
            if x[0] > 0:
                raise TypeError("not caught by it")
            y[0] = 7.0
    except TypeError:
        y[2] = 99.0
    return y, log


def turned(x: Any) -> Any:
    with noted(x.copy(), []):
        if x[0] > 0:
            raise KeyError("it becomes another")
    return x


def on_both_paths(x: Any) -> Any:
    with either(x) as v:
        s = v * x
    return s + 1


def local(x: Any) -> Any:
    n = 0

    @contextlib.contextmanager
    def numbered(y: Any) -> Iterator[Any]:
        nonlocal n
        n += 1
        yield y, n
        n += 10

    with numbered(x) as (u, v), numbered(x * 2) as (p, q):
        s = u * v + p * q
    return s * n


def method(x: Any) -> Any:
    c = Counted()
    with c.more() as a, c.more(by=5) as b:
        s = a * x + b
    return s, c.n


def rows(x: Any) -> Iterator[Any]:
    for i in range(3):
        with scaled(x.copy(), 2.0) as y:
            yield y[i]


def inside_a_generator(x: Any) -> Any:
    s = 0.0
    for v in rows(x):
        s += v
        if s > 3:
            break
    return s


def no_yield(x: Any) -> Any:
    with never(x):
        pass
    return x


def two_yields(x: Any) -> Any:
    with twice():
        s = x * 2
    return s + 1


def outcome(f: Callable[..., Any], x: Any) -> str:
    """What the call returns or raises, as text."""
    try:
        return repr(f(x.copy()))
    except (RuntimeError, TypeError) as error:
        return repr(error)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    "f",
    [plain, returns, in_a_loop, out_of_two, caught, passed_on, turned, on_both_paths, local,
     method, inside_a_generator, no_yield, two_yields],
)  # fmt: skip
def test_managers_that_are_generators(f: Callable[..., Any], backend: str) -> None:
    staged = sc.jit(f, backend=backend)
    for x in (np.array([1.0, -2.0, 3.0]), np.array([-1.0, -2.0, 1.5])):
        assert outcome(staged, x) == outcome(f, x)


def test_the_gradient_through_a_manager() -> None:
    slope = sc.grad(lambda x: plain(x)[0])(np.array([1.0, 2.0]))
    np.testing.assert_allclose(slope, [18.0, 36.0])


def test_a_manager_that_yields_on_some_paths_only() -> None:
    @contextlib.contextmanager
    def some(x: Any) -> Iterator[None]:
        if x[0] > 0:
            yield

    def f(x: Any) -> Any:
        with some(x):
            s = x * 2
        return s + 1

    with pytest.raises(sc.StagecError, match="SC375: a context manager that yields on some"):
        sc.jit(f)(np.ones(2))


def test_a_manager_is_used_once() -> None:
    def f(x: Any) -> Any:
        manager = scaled(x.copy(), 2.0)
        with manager as y:
            s = y.sum()
        with manager as y:
            s += y.sum()
        return s

    with pytest.raises(sc.StagecError, match="SC375: a context manager that was used"):
        sc.jit(f)(np.ones(2))


def picked(x: Any) -> Iterator[Any]:
    if x[0] > 0:
        yield x[0]
    yield x[1]


@pytest.mark.parametrize("x", [[1.0, 9.0], [-1.0, 2.0], [9.0, 2.0]])
def test_a_variable_that_a_loop_over_a_generator_sets_on_some_paths(x: Any) -> None:
    """Paths met in the generator, where it was taken for no variable: it was never set."""

    def f(x: Any) -> Any:
        for v in picked(x):
            if v > 5:
                continue
            s = v
        return s  # pyright: ignore[reportPossiblyUnboundVariable]

    assert sc.jit(f)(np.array(x)) == f(np.array(x))
