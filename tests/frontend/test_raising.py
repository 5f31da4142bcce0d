"""What operations raise at run time is caught as in Python, and so are exceptions in loops."""

# what is read may be unset: that is what is caught
# pyright: reportPossiblyUnboundVariable=false, reportUndefinedVariable=false

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec.errors import StagecError

A = np.array([1.0, 2.0, 3.0])
GAP = np.array([1.0, 0.0, 3.0])
SPD = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.2], [0.1, 0.2, 3.0]])
BENT = np.array([[1.0, 2.5, 0.1], [2.5, 1.0, 0.0], [0.1, 0.0, 1.0]])
ONES = np.ones((3, 3))


def divided(x: Any, y: Any) -> Any:
    a = 1.0
    try:
        a = x * 2
        b = a / y
        a = b + 1
    except ZeroDivisionError as e:
        b = a * 3
        print(e)  # noqa: T201
    return a + b


def several(a: Any, b: Any) -> Any:
    s = 0.0
    try:
        s = 1 / a
        if s > 0.6:
            s += 10
        s += 1 / (a / b)
    except ZeroDivisionError:
        s -= 3
    return s


def written(x: Any, i: Any) -> Any:
    try:
        x[0] = 5.0
        x[i] = 9.0
        x[1] = 7.0
    except IndexError as e:
        x[2] = -1.0
        return str(e)
    return ""


def viewed(x: Any, i: Any) -> Any:
    try:
        row = x.reshape(3, 1)[i]
    except IndexError:
        row = np.zeros(1)
    return row * 2


def looked_at_outside(x: Any, i: Any) -> Any:
    row = x.reshape(3, 1)[i]
    try:
        return row[0] * 2
    except IndexError:
        return -1.0


def to_the_end(x: Any) -> Any:
    s = 0.0
    i = 0
    while True:
        try:
            v = x[i]
        except IndexError:
            break
        s = s * v + v
        i += 1
    return s


def listed(x: Any, i: Any) -> Any:
    xs = [v * 2 for v in x]
    try:
        return xs[i]
    except IndexError as e:
        return float(len(str(e)))


def everything(x: Any, y: Any) -> Any:
    try:
        s = 0.0
        for i in range(len(x)):
            s += x[i] * 2
        for v in x:
            s += v
        z = np.zeros(3)
        z[1] = s
        u = float((z + x).sum() + x.max()) / y
    except Exception:
        u = -1.0
    return u


def unset(x: Any) -> Any:
    try:
        if x > 0:
            y = 1.0
        z = y * 2
    except UnboundLocalError:
        z = 5.0
    return z


def swallowed(x: Any, y: Any) -> Any:
    q = 7.0
    with contextlib.suppress(ZeroDivisionError):
        q = x / y
    try:
        q += 1 / y
    finally:
        return q  # noqa: B012


def named_once(x: Any, i: Any) -> Any:
    try:
        v = x[i]
    except IndexError:
        v = 0.0
    try:
        return e
    except NameError:
        return v


def summed(x: Any, t: Any) -> Any:
    s = 0.0
    for v in x:
        for w in x:
            s += v * w
            if s > t:
                raise ValueError("over", s)
            if v == 3:
                raise KeyError("three")
    return s


def caught_by_the_caller(x: Any, t: Any) -> Any:
    try:
        r = summed(x, t)
    except ValueError as e:
        r = e.args[1] * 2
    except KeyError:
        r = -2.0
    return r


def pairs(x: Any) -> Iterator[Any]:
    for v in x:
        try:
            yield 1 / float(v)
        except ZeroDivisionError:
            yield -1.0


def from_a_generator(x: Any) -> Any:
    s = 0.0
    try:
        for p in pairs(x):
            s += p
            s += 1 / (p + 1)  # not caught in the generator
    except ZeroDivisionError:
        s += 1000
    return s


def root(x: Any) -> Any:
    if x > 100:
        raise OverflowError("big")
    return math.sqrt(x)


def deep(x: Any, y: Any) -> Any:
    try:
        r = 1 + root(x) / root(y)
    except (ValueError, ZeroDivisionError) as e:
        print(type(e).__name__, e)  # noqa: T201
        r = 0.0
    except OverflowError:
        r = -1.0
    return r


def logdet(a: Any) -> Any:
    j = 1e-3
    for _ in range(12):
        try:
            L = np.linalg.cholesky(a + j * np.eye(3))
            break
        except np.linalg.LinAlgError:
            j *= 10
    else:
        raise ValueError("no")
    return np.sum(np.log(np.diag(L))) + j * a[0, 0]


def solved(a: Any) -> Any:
    try:
        x = np.linalg.solve(a, A)
    except np.linalg.LinAlgError as e:
        print(e)  # noqa: T201
        x = a @ A
    return np.sum(x**2)


def spread(a: Any) -> Any:
    try:
        w, _v = np.linalg.eigh(a + a.T)
    except np.linalg.LinAlgError:
        w = a[0]
    return np.sum(w**3)


def logs(x: Any) -> Any:
    s = 0.0
    try:
        for i in range(3):
            s += math.log(float(x[i])) * x[1]
            if s > 1.5:
                raise ValueError("x", s * x[0])
    except ValueError as e:
        s = e.args[1] * x[2] if len(e.args) > 1 else s * x[2]
    return s


def shares(x: Any) -> Any:
    s = 0.0
    for i in range(3):
        try:
            s += float(x[0]) / float(x[i])
        except ZeroDivisionError:
            s += x[i] ** 2 + x[2]
    return s


def stored(x: Any) -> Any:
    y = x * 2
    try:
        y[0] = x[1] * 3
        y[1] = 1 / float(x[1])
        y[2] = y[0] * y[1]
    except ZeroDivisionError:
        y[1] = x[2] ** 2
    return np.sum(y**2)


def inverted_outside(a: Any) -> Any:
    b = np.linalg.inv(a)
    try:
        a[0] *= 2
        L = np.linalg.cholesky(b)
        a[1] = 5.0
    except np.linalg.LinAlgError:
        L = a * 0
    L[0, 0] += 1.0
    return L


def warned(x: Any) -> Any:
    with np.errstate(divide="raise", invalid="raise"):
        try:
            y = 1 / x
        except FloatingPointError:
            y = x * 0 - 1
    return y


PROGRAMS: list[tuple[Callable[..., Any], list[tuple[Any, ...]]]] = [
    (divided, [(1.0, 2.0), (1.0, 0.0)]),
    (several, [(1.0, 2.0), (0.0, 1.0), (4.0, 0.0), (4.0, 1.0)]),
    (written, [(A, 1), (A, 3), (A, -3), (A, -4)]),
    (viewed, [(A, 1), (A, 3)]),
    (looked_at_outside, [(A, 1), (A, 3)]),
    (to_the_end, [(A,)]),
    (listed, [(A, 1), (A, 3)]),
    (everything, [(A, 2.0), (A, 0.0)]),
    (unset, [(1.0,), (-1.0,)]),
    (swallowed, [(1.0, 2.0), (1.0, 0.0)]),
    (named_once, [(A, 1), (A, 3)]),
    (caught_by_the_caller, [(A, 2.0), (A, 99.0), (GAP, 9.0)]),
    (from_a_generator, [(A,), (GAP,)]),
    (deep, [(4.0, 1.0), (-4.0, 1.0), (4.0, 0.0), (4.0, -1.0), (400.0, 1.0)]),
    (logdet, [(SPD,), (BENT,), (np.full((3, 3), np.nan),)]),
    (solved, [(SPD,), (ONES,)]),
    (inverted_outside, [(SPD,), (BENT,), (ONES,)]),
    (warned, [(A,), (GAP,)]),
    (spread, [(SPD,), (np.full((3, 3), np.nan),)]),
]


def outcome(
    f: Callable[..., Any], args: tuple[Any, ...], capsys: pytest.CaptureFixture[str]
) -> Any:
    args = tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)
    try:
        result = f(*args)
    except Exception as error:
        return type(error), capsys.readouterr().out
    return result, args, capsys.readouterr().out


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(("f", "calls"), PROGRAMS)
def test_as_python(
    backend: str,
    f: Callable[..., Any],
    calls: list[tuple[Any, ...]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    staged = sc.jit(f, backend=backend)
    for args in calls:
        expected = outcome(f, args, capsys)
        found = outcome(staged, args, capsys)
        assert found[-1] == expected[-1]
        if isinstance(expected[0], type | str):
            assert found[0] == expected[0]
        else:
            np.testing.assert_allclose(found[0], expected[0])
        for a, b in zip(found[1:-1], expected[1:-1], strict=True):
            for x, y in zip(a, b, strict=True):
                np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    ("f", "x"),
    [
        (logdet, SPD), (logdet, BENT), (solved, SPD), (spread, SPD), (shares, A), (stored, A),
        (logs, A), (logs, A * 0.3), (logs, np.array([1.0, -1.0, 2.0])), (to_the_end, A),
    ],
)  # fmt: skip
def test_derivatives(backend: str, f: Callable[..., Any], x: Any) -> None:
    steps = np.eye(x.size).reshape(x.size, *x.shape) * 1e-6
    wanted = np.array([(f(x + h) - f(x - h)) / 2e-6 for h in steps]).reshape(x.shape)
    found = sc.grad(f, backend=backend)(x)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    direction = np.cos(np.arange(x.size)).reshape(x.shape)
    _, slope = sc.jvp(sc.jit(f, backend=backend), (x,), (direction,))
    np.testing.assert_allclose(slope, np.sum(wanted * direction), rtol=1e-4, atol=1e-6)


def test_the_derivative_where_it_is_caught() -> None:
    np.testing.assert_allclose(sc.grad(solved)(ONES), 2 * np.outer(ONES @ A, A))
    np.testing.assert_allclose(sc.grad(shares)(GAP), [1 / 3, 0.0, 1 - 1 / 9])


def test_a_division_is_a_branch() -> None:
    def f(x: Any, y: Any) -> Any:
        try:
            q = x / y
        except ZeroDivisionError:
            q = 0.0
        return q

    assert "if y == 0:\n        return 0.0\n" in sc.jit(f).source(1.0, 2.0)


def test_what_is_not_split_is_refused() -> None:
    def f(x: Any, v: Any) -> Any:
        try:
            x[:] = v
        except ValueError:
            x[0] = 1.0
        return x

    with pytest.raises(StagecError, match="SC392: update may raise ValueError"):
        sc.jit(f)(np.zeros(3), np.ones(2))
