"""What moves into kernels, and how many there are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="numba is not installed: pip install 'stagec[numba]'")


def kernels_of(program: Callable[..., Any], *args: Any) -> int:
    return sc.jit(program, backend="numba").source(*args).count("@njit")


def layers(x: Any, w: Any, v: Any) -> Any:
    x = np.tanh(x @ w + 1.0) ** 2
    return np.tanh(x @ v + 1.0) ** 2


def other_layers(x: Any, w: Any, v: Any) -> Any:
    x = np.tanh(x @ w + 1.0) ** 2
    return np.tanh(x @ v + 2.0) ** 2


def test_kernels_that_do_the_same_are_one() -> None:
    rng = np.random.default_rng(0)
    x, w, v = (rng.normal(size=s) for s in ((5, 4), (4, 3), (3, 7)))
    assert kernels_of(layers, x, w, v) == 1
    assert kernels_of(layers, x, w, np.float32(v)) == 1
    assert kernels_of(layers, *map(np.float32, (x, w, v))) == 1
    assert kernels_of(layers, np.float32(x), np.float32(w), v) == 2
    assert kernels_of(other_layers, x, w, v) == 2
    for program in (layers, other_layers):
        found = sc.jit(program, backend="numba")(x, w, v)
        np.testing.assert_allclose(found, program(x, w, v), rtol=1e-12)


def scan(x: Any, w: Any) -> Any:
    state = np.exp(w - 1.0) * w
    total = np.sum(state)
    state = np.cumsum(state)
    states = np.zeros((len(x), len(w)))
    state = state / total
    for k in range(len(x)):
        state = state * x[k]
        states[k] = state
    return states


def test_an_array_is_made_in_the_kernel_that_fills_it() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=4), rng.normal(size=3)
    compiled = sc.jit(scan, backend="numba")
    kernel = next(t for t in compiled.source(x, w).split("@njit") if "for k in" in t)
    assert "states = np.zeros(" in kernel
    assert "states.copy()" not in kernel
    np.testing.assert_allclose(compiled(x, w), scan(x, w), rtol=1e-12)


def refused(x: Any, n: int) -> Any:
    made = np.zeros(n)
    total = 0.0
    for k in range(len(x) + 1):
        total += x[k]
    for k in range(n):
        made[k] = total
    return made


def test_an_array_is_not_made_after_what_may_fail() -> None:
    with pytest.raises(ValueError, match="negative dimensions"):
        sc.jit(refused, backend="numba")(np.ones(3), -1)
    with pytest.raises(IndexError):
        sc.jit(refused, backend="numba")(np.ones(3), 2)


# --- numbers without a loop ------------------------------------------------------------------


def reach(a: Any, b: Any, c: Any) -> Any:
    """Of an arm with two joints, divided by what may be zero."""
    x = np.cos(a) + 0.7 * np.cos(a + b)
    y = np.sin(a) + 0.7 * np.sin(a + b)
    return np.array([x, y]) / c, np.hypot(x, y), a / c


def rates(y: Any, p: Any) -> Any:
    """The right-hand side of an epidemic."""
    s, i, r = y
    new = p[0] * np.exp(-p[1]) * s * i / (s + i + r)
    return np.array([-new, new - p[2] * i, p[2] * i])


def whole(n: Any, a: Any) -> Any:
    """A whole number that may be of any size."""
    return n**4 + 1, np.sin(a) * np.cos(a) * np.exp(a) * np.tan(a)


def branches(a: Any, b: Any) -> Any:
    if a > b:
        return np.tan(a) * np.cos(b) * np.exp(b) * np.sqrt(a)
    return np.tanh(a) + np.arctan2(a, b) + np.hypot(a, b) + np.log(b)


def in_place(v: Any, a: Any) -> Any:
    v[0] = np.sin(a) * np.cos(a)
    v[-1] += np.exp(v[0]) * np.tan(a)
    return v


def few(a: Any, b: Any) -> Any:
    """Not worth a call of compiled code."""
    return a * b + 2.0 * a - b / a


@pytest.mark.parametrize(
    ("program", "args"),
    [
        (reach, (0.3, 0.4, 2.0)),
        (rates, (np.array([0.9, 0.1, 0.01]), np.array([1.0, 0.2, 0.1]))),
        (rates, (np.array([0.9, 0.1, 0.01], np.float32), np.array([1.0, 0.2, 0.1]))),
        (whole, (10**6, 0.3)),
        (whole, (np.int8(3), 0.3)),
        (branches, (1.0, 0.5)),
        (branches, (0.5, 1.0)),
        (in_place, (np.ones(3), 0.3)),
    ],
)
def test_numbers_are_compiled(program: Callable[..., Any], args: Any) -> None:
    assert kernels_of(program, *args) == 1
    ours, plain = ([np.copy(a) if np.ndim(a) else a for a in args] for _ in range(2))
    found, wanted = sc.jit(program, backend="numba")(*ours), program(*plain)
    for a, b in zip(_leaves((found, ours)), _leaves((wanted, plain)), strict=True):
        assert type(a) is type(b)
        assert getattr(a, "dtype", None) == getattr(b, "dtype", None)
        if type(b) is int:
            assert a == b
        np.testing.assert_allclose(np.float64(a), np.float64(b), rtol=1e-12)


def _leaves(tree: Any) -> list[Any]:
    if isinstance(tree, tuple | list):
        return [leaf for part in tree for leaf in _leaves(part)]
    return [tree]


def test_numbers_that_are_compiled_raise() -> None:
    with pytest.raises(ZeroDivisionError):
        sc.jit(reach, backend="numba")(0.3, 0.4, 0.0)
    with pytest.raises(IndexError):
        sc.jit(rates, backend="numba")(np.ones(3), np.ones(2))


def test_gradient_of_numbers_is_compiled() -> None:
    gradient = sc.grad(branches, argnums=(0, 1), backend="numba")
    assert "@njit" in gradient.source(1.0, 0.5)
    wanted = sc.grad(branches, argnums=(0, 1))(1.0, 0.5)
    np.testing.assert_allclose(gradient(1.0, 0.5), wanted, rtol=1e-13)


def test_few_numbers_stay_in_python() -> None:
    assert kernels_of(few, 0.3, 0.4) == 0


def valley(x: Any, y: Any) -> Any:
    """Worth the call, if nothing else is done."""
    return (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2 / x


def beside(x: Any, y: Any, k: Any) -> Any:
    return valley(x, y), [k]


def test_a_function_of_a_few_numbers_and_nothing_else_is_compiled() -> None:
    assert kernels_of(valley, 0.3, 0.4) == 1
    assert kernels_of(beside, 0.3, 0.4, "text") == 1
    assert kernels_of(lambda x, y, k: (valley(x, y), k // 3), 0.3, 0.4, 7) == 0
    staged = sc.jit(valley, backend="numba")
    for x, y in ((0.3, 0.4), (np.float64(0.3), 0.4), (2, 3), (0.3, 1), (-0.0, np.float64(1.0))):
        if x or isinstance(y, np.float64):
            with np.errstate(divide="ignore"):
                got, wanted = staged(x, y), valley(x, y)
            assert type(got) is type(wanted)
            np.testing.assert_allclose(got, wanted, rtol=1e-14)
    with pytest.raises(ZeroDivisionError):
        staged(0.0, 0.4)
    with pytest.raises(OverflowError):
        staged(1e200, 0.4)


def roots(x: Any, n: Any) -> Any:
    """NumPy's root of a Python number raises nothing."""
    for _ in range(n):
        x = float(np.sqrt(x)) - 1.0
    return x


def test_roots_of_python_numbers_are_compiled() -> None:
    assert kernels_of(roots, 9.0, 2) == 1
    assert sc.jit(roots, backend="numba")(9.0, 2) == roots(9.0, 2)
    with np.errstate(invalid="ignore"):
        assert np.isnan(sc.jit(roots, backend="numba")(9.0, 4))


def windowed(x: Any, n: Any, hop: Any) -> Any:
    """A size that the second kernel uses is made of one that only the first kernel has."""
    window = np.hanning(n)
    out = np.empty((n // 2 + 1, 3))
    for t in range(3):
        out[:, t] = np.fft.rfft(x[t * hop : t * hop + n] * window).real
    table = np.zeros(out.shape)
    for i, rate in enumerate(2 * np.pi * np.arange(n // 2 + 1) / n):
        for t in range(3):
            table[i, t] = out[i, t] * rate
    return table


def test_kernels_are_given_integers_that_only_others_can_compute() -> None:
    x = np.random.default_rng(3).normal(size=20)
    found = sc.jit(windowed, backend="numba")(x, 4, 2)
    np.testing.assert_allclose(found, windowed(x, 4, 2), rtol=1e-13)


def last_and_all(x: Any, a: Any, n: Any) -> Any:
    """How long the array is is computed in the first kernel, and needed in the second."""
    xs = []
    for _ in range(n):
        x = np.tanh(a @ x)
        xs.append(x.copy())
    rows = np.array(xs)
    return np.sum((rows[-1] * 2 + rows[:, 0].sum()) ** 2)


def test_lengths_that_only_another_kernel_has_are_asked_for_again() -> None:
    rng = np.random.default_rng(3)
    x, a = rng.normal(size=3), rng.normal(size=(3, 3))
    found = sc.grad(last_and_all, backend="numba")(x, a, 4)
    np.testing.assert_allclose(found, sc.grad(last_and_all)(x, a, 4), rtol=1e-12)
