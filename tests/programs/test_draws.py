"""Random numbers: each call of the staged function draws what the function itself would."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec


def seeded_twice(x: float, n: int) -> Any:
    np.random.seed(0)
    y = np.random.rand()
    np.random.seed(0)
    return x + y + np.random.rand()


def seeded_by_an_argument(x: float, n: int) -> Any:
    np.random.seed(n)
    return x + np.random.rand(3)


def seeded_in_a_loop(x: float, n: int) -> Any:
    for k in range(n):
        np.random.seed(k)
        x += np.random.rand()
    return x


def module_random(x: float, n: int) -> Any:
    random.seed(1)
    return x * random.random()


def generator(x: float, n: int) -> Any:
    rng = np.random.default_rng(0)
    y = rng.random()
    rng = np.random.default_rng(seed=0)
    return x + y + rng.normal(size=2)


def old_generator(x: float, n: int) -> Any:
    rng = np.random.RandomState(3)
    return x * rng.randn(2, 3) + rng.rand()


def lengths_and_loops(x: float, n: int) -> Any:
    rng = np.random.default_rng(n)
    z = rng.standard_normal((n, 2))
    for k in range(n):
        x += rng.normal() * z[k, 0] + np.sum(rng.random(k))
        if rng.random() < 0.5:
            x += rng.integers(0, n)
    return x + np.random.RandomState(n).rand(n, 2)


def handed_around(x: float, n: int) -> Any:
    walk = Walk(np.random.default_rng(4))
    rng = np.random.default_rng([1, 2])
    for _ in range(n):
        x = walk.step(x) + helper(rng, n)
    return x + rng.random()


class Walk:
    def __init__(self, rng: Any) -> None:
        self.rng = rng

    def step(self, x: float) -> float:
        return x + self.rng.normal(0.0, 0.1)


def helper(rng: Any, n: int) -> Any:
    return np.mean(rng.uniform(-1, 1, n))


def one_of_two(x: float, n: int) -> Any:
    rng = np.random.default_rng(1) if x > 0 else np.random.default_rng(2)
    for _ in range(n):
        x += rng.normal()
    return x


def another_on_each_trip(x: float, n: int) -> Any:
    rng = np.random.default_rng(0)
    for k in range(n):
        x += rng.normal()
        rng = np.random.default_rng(k)
    return x + rng.normal()


def python_random(x: float, n: int) -> Any:
    rng = random.Random(4)
    for _ in range(n):
        x += rng.gauss(x, 0.2) + rng.uniform(0, n) + rng.randint(0, n) + rng.choice([1.0, 2.5])
        x += rng.normalvariate(1.0, x) + rng.expovariate(2.0)
    return float(x)  # of a list that is read at run time, elements are NumPy's


def rearranged(x: float, n: int) -> Any:
    rng = np.random.default_rng(2)
    a, old = np.arange(12.0).reshape(4, 3), np.random.RandomState(1)
    order = np.arange(n)
    s = 0.0
    for _ in range(n):
        rng.shuffle(order)
        old.shuffle(a[:, 1])
        s += a[order[0], 1]
    picked = rng.choice(a, n, axis=0), rng.choice(4, n, p=np.full(4, 0.25)), old.choice(a[0])
    picked = *picked, rng.choice(n + 5, size=4, replace=False), old.choice(9, n, replace=False)
    return x * s, rng.permutation(a), rng.permutation(a, axis=1), old.permutation(n), *picked


def with_parameters(x: float, n: int) -> Any:
    rng, old = np.random.default_rng(2), np.random.RandomState(2)
    a = np.array([x, 2 * x, x * x])
    return (
        rng.normal(a, x), rng.normal(a.astype(np.float32)), old.normal(x, n),
        rng.normal(n, x, (n, 3)), rng.uniform(x, a + n, size=3), old.uniform(-x, x),
        rng.exponential(a), rng.exponential(x, n), rng.poisson(a), rng.binomial(n, 0.5),
        old.gamma(a), rng.beta(x, 2.0, n), old.randint(0, n), old.lognormal(0.0, 1.0, (n, 2)),
        rng.integers(n, size=(2, n), dtype=np.int32), rng.random(n, dtype=np.float32),
        rng.multivariate_normal(np.zeros(2), np.eye(2), size=n),
    )  # fmt: skip


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    "function",
    [seeded_twice, seeded_by_an_argument, seeded_in_a_loop, module_random, generator,
     old_generator, lengths_and_loops, handed_around, one_of_two, another_on_each_trip,
     python_random, rearranged, with_parameters],
)  # fmt: skip
def test_each_call_draws_the_same(function: Callable[..., Any], backend: str) -> None:
    staged = stagec.jit(function, backend=backend)
    wanted = function(1.5, 3)
    for _ in range(3):
        same(staged(1.5, 3), wanted)


def same(got: Any, wanted: Any) -> None:
    """Check that two results are equal to the bit."""
    if isinstance(wanted, tuple):
        assert len(got) == len(wanted)
        for one, other in zip(got, wanted, strict=True):
            same(one, other)
        return
    assert type(got) is type(wanted)
    np.testing.assert_array_equal(got, wanted, strict=isinstance(wanted, np.ndarray))


RNG = np.random.default_rng(5)


def captured(x: float, n: int) -> Any:
    RNG.random(n)
    y = x * RNG.normal(size=n)
    for k in range(n):
        y[k] += np.random.normal() + RNG.standard_normal(k + 1)[k]
    RNG.shuffle(y)
    return y


def given(x: float, n: int, rng: Any) -> Any:
    return x + np.sum(rng.normal(x, 0.1, size=(n, 2))) + rng.random()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_sources_from_outside_are_left_in_the_state_that_python_leaves(backend: str) -> None:
    found = []
    for go in (captured, stagec.jit(captured, backend=backend)):
        RNG.bit_generator.state = np.random.default_rng(5).bit_generator.state
        np.random.seed(3)
        found.append((go(1.5, 3), go(0.5, 4), RNG.random(), np.random.rand()))
    same(found[1], found[0])
    both = np.random.default_rng(6), np.random.default_rng(6)
    staged = stagec.jit(given, backend=backend)
    for n in (2, 3):
        assert staged(1.5, n, both[0]) == pytest.approx(given(1.5, n, both[1]), rel=1e-14)
    assert both[0].random() == both[1].random()


def simulated(mu: float, sigma: float, n: int) -> Any:
    rng = np.random.default_rng(7)
    w = rng.uniform(-sigma, mu, n) + rng.exponential(sigma) + rng.normal(mu, sigma, n)
    for k in range(n):
        mu = mu + rng.normal(mu, sigma) * w[k]
    rng.shuffle(w)
    return mu * w[0] + np.sum(rng.choice(w, n) * rng.permutation(w))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_gradients_flow_through_parameters(backend: str) -> None:
    got = stagec.grad(simulated, argnums=(0, 1), backend=backend)(0.5, 0.7, 4)
    h = 1e-6
    wanted = (
        (simulated(0.5 + h, 0.7, 4) - simulated(0.5 - h, 0.7, 4)) / (2 * h),
        (simulated(0.5, 0.7 + h, 4) - simulated(0.5, 0.7 - h, 4)) / (2 * h),
    )
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def gamma(x: float) -> Any:
    return np.random.gamma(x)


def test_a_draw_without_derivative_is_refused() -> None:
    with pytest.raises(stagec.StagecError, match="a random draw has no derivative"):
        stagec.grad(gamma)(1.5)


@pytest.mark.parametrize(
    ("draw", "error"),
    [(lambda x: np.random.normal(0.0, -x), ValueError),
     (lambda x: np.random.default_rng(1).uniform(x, 0.0), ValueError),
     (lambda x: np.random.uniform(0.0, x * 1e308 * 10), OverflowError),
     (lambda x: np.random.default_rng(int(-x)).random(), ValueError)],
)  # fmt: skip
def test_parameters_out_of_range_raise(draw: Callable[..., Any], error: Any) -> None:
    for go in (draw, stagec.jit(draw)):
        with pytest.raises(error):
            go(1.5)


def unseeded(x: float) -> Any:
    return x * np.random.default_rng().random()


def returned(x: float) -> Any:
    return np.random.default_rng(0)


def copied(x: float) -> Any:
    return copy.deepcopy(np.random.default_rng(0)).random()


def looked_into(x: float) -> Any:
    return np.random.default_rng(0).bit_generator.random_raw()


def split(x: float) -> Any:
    return np.random.default_rng(0).spawn(1)[0].random()


def shared_state(x: float) -> Any:
    rng = np.random.Generator(np.random.PCG64(1))
    for _ in range(3):
        x += rng.random()
    return x


def rows_of_parameters(x: float) -> Any:
    a = np.arange(6.0) + x
    return np.random.dirichlet(a[a > 3.0])


@pytest.mark.parametrize(
    "function",
    [unseeded, returned, copied, looked_into, split, shared_state, rows_of_parameters],
)
def test_draws_that_would_differ_are_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(stagec.StagecError, match=r"SC36[34]"):
        stagec.jit(function)(1.5)


def drawn_in_a_loop(x: float, n: int) -> Any:
    rng = np.random.default_rng(0)
    for _ in range(n):
        x += rng.exponential(x)
    return x


def test_explain_tells_that_the_generator_is_made_at_each_call() -> None:
    told = stagec.jit(drawn_in_a_loop).explain(1.0, 3)
    assert "made at each call" in str(told)
    assert not told.guards  # what stagec's own library says is no variable of the program
