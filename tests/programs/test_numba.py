"""The Numba target gives what the NumPy target gives, from code that reads as loops."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec import ops
from stagec.ir.parser import parse
from stagec.ir.verifier import verify

pytest.importorskip("numba", reason="the Numba target needs Numba")


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def fused(a: Any, b: Any, c: Any) -> Any:
    return np.sum(np.tanh(a * b + np.sin(c)) * np.exp(-c * c))


def rational(a: Any, b: Any, c: Any) -> Any:
    return np.sum((a * b + c) / (1.0 + c * c))


def jacobi(a: Any, b: Any, steps: Any) -> Any:
    for _ in range(steps):
        b[1:-1, 1:-1] = 0.25 * (a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])
        a[1:-1, 1:-1] = 0.25 * (b[1:-1, :-2] + b[1:-1, 2:] + b[2:, 1:-1] + b[:-2, 1:-1])
    return np.sum(a * a)


def seidel(a: Any, steps: Any) -> Any:
    n = a.shape[0]
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                a[i, j] = (a[i - 1, j] + a[i, j - 1] + a[i, j] + a[i, j + 1] + a[i + 1, j]) / 5
    return np.sum(a * a)


def upwind(u: Any, speed: Any, steps: Any) -> Any:
    for _ in range(steps):
        u[1:] -= speed * (u[1:] - u[:-1])
    return np.sum(u**2)


def newton(target: Any, x: Any) -> Any:
    trips = 0
    while abs(x * x - target) > 1e-12 and trips < 50:
        x = x - (x * x - target) / (2 * x)
        trips += 1
    return x


def rosenbrock(x: Any) -> Any:
    total = 0.0
    for i in range(len(x) - 1):
        total += 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


def mixed(x: Any, w: Any) -> Any:
    for k in range(3):
        h = np.tanh(x @ w + k)
        h[h < 0.1] *= 0.5
        x = np.where(h > 0.3, h * 2.0, x)
    return np.sum(np.linalg.solve(w + 5 * np.eye(4), x.T))


def single(x: Any, s: Any) -> Any:
    y = 0.5 * x + s
    return np.sum(np.exp(y) * x)


PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], int | tuple[int, ...]]] = {
    "fused": (fused, (normal(0, 50), normal(1, 50), normal(2, 50)), (0, 1, 2)),
    "rational": (rational, (normal(0, 50), normal(1, 50), normal(2, 50)), (0, 1, 2)),
    "jacobi": (jacobi, (normal(0, 8, 9), normal(1, 8, 9), 4), (0, 1)),
    "seidel": (seidel, (normal(0, 7, 7), 3), 0),
    "upwind": (upwind, (normal(0, 20), 0.3, 5), (0, 1)),
    "newton": (newton, (2.0, 1.0), (0, 1)),
    "rosenbrock": (rosenbrock, (normal(0, 12),), 0),
    "mixed": (mixed, (normal(0, 6, 4), normal(1, 4, 4)), (0, 1)),
    "single": (single, (normal(0, 30).astype(np.float32), 0.25), (0, 1)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_agrees_with_the_numpy_target(name: str) -> None:
    program, args, wrt = PROGRAMS[name]
    tolerance = 1e-5 if name == "single" else 1e-12
    for make in (sc.jit, lambda f, **kw: sc.grad(f, argnums=wrt, **kw)):
        ours, theirs = copy.deepcopy(args), copy.deepcopy(args)
        function = make(program, backend="numba")
        got, want = function(*ours), make(program)(*theirs)
        for a, b in zip(
            (*got, *ours) if isinstance(got, tuple) else (got, *ours),
            (*want, *theirs) if isinstance(want, tuple) else (want, *theirs),
            strict=True,
        ):
            assert type(a) is type(b)
            assert np.result_type(a) == np.result_type(b)
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
        assert function.explain(*args).fallbacks == ()


@pytest.mark.parametrize("name", [n for n in PROGRAMS if n != "single"])
def test_gradient_source(name: str, golden: Callable[[str, str], None]) -> None:
    program, args, wrt = PROGRAMS[name]
    golden(sc.grad(program, argnums=wrt, backend="numba").source(*args), "py")


def test_adjoints_overlap_what_other_trips_read() -> None:
    def advected(q: Any, right: Any, left: Any) -> Any:
        q = q.copy()
        for _ in range(3):
            q[1:-1] -= right[1:-1] * (q[1:-1] - q[:-2]) + left[1:-1] * (q[2:] - q[1:-1])
        return np.sum(q * q)

    args = (normal(0, 9), normal(1, 9), normal(2, 9))
    got, want = (
        sc.grad(advected, argnums=(0, 1, 2), backend=b)(*args) for b in ("numba", "numpy")
    )
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_index_out_of_bounds_raises() -> None:
    def f(x: Any, n: Any) -> Any:
        for i in range(n):
            x[i] = 1.0
        return x

    with pytest.raises(IndexError):
        sc.jit(f, backend="numba")(np.zeros(3), 5)


def test_integers_never_wrap_around() -> None:
    def f(n: Any) -> Any:
        k = 1
        for _ in range(n):
            k = k * 3
        return k

    compiled = sc.jit(f, backend="numba")
    assert compiled(30) == 3**30
    with pytest.raises(OverflowError, match="64 bits"):
        compiled(50)


def test_division_by_zero_raises_for_python_numbers() -> None:
    def f(x: Any, n: Any) -> Any:
        for k in range(n):
            x = 1.0 / (x - k)
        return x

    with pytest.raises(ZeroDivisionError):
        sc.jit(f, backend="numba")(0.0, 3)


def test_division_by_a_known_number_is_tested_by_nobody() -> None:
    def f(x: Any, dt: Any, n: Any) -> Any:
        s = 0.0
        for k in range(n):
            s += x[k % 7] * (dt / 6.0) + (k - 5) // 3 + (k - 5) % -3 + (dt - k) % 2.5
        return s

    for backend in ("numba", "numpy"):
        compiled = sc.jit(f, backend=backend)
        source = compiled.source(np.ones(7), 0.3, 20)
        assert not any(f"kernels.{name}(" in source for name in ("divide", "floor_divide"))
        assert "dt / 6.0" not in source.split("for k in")[1].split("return")[0]
        for dt in (0.3, -4.75, np.inf):
            np.testing.assert_allclose(
                compiled(np.ones(7), dt, 20), f(np.ones(7), dt, 20), rtol=1e-14
            )


def test_lengths_that_were_equal_are_checked() -> None:
    def f(a: Any, b: Any) -> Any:
        return np.sum(a * 2.0 + b)

    compiled = sc.jit(f, backend="numba")
    assert compiled(np.ones(3), np.ones(3)) == 9.0
    with pytest.raises(ValueError, match="broadcast"):
        compiled(np.ones(3), np.ones(4))
    assert compiled(np.ones((2, 3)), np.ones(3)) == 18.0


@pytest.mark.parametrize("name", PROGRAMS)
def test_graph_of_kernels_is_sound_and_round_trips(name: str) -> None:
    program, args, wrt = PROGRAMS[name]
    graph = sc.grad(program, argnums=wrt, backend="numba").ir(*args, stage="bufferised")
    verify(graph)
    text = str(graph)
    assert str(parse(text, {op.name: op for op in ops.ALL})) == text


def test_without_numba_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(sc.StagecError, match="SC604"):
        sc.jit(newton, backend="numba")


def test_nan_has_no_floor() -> None:
    def f(x: Any, n: Any) -> Any:
        k = 0
        for _ in range(n):
            k = math.floor(x)
        return k

    assert sc.jit(f, backend="numba")(2.5, 2) == 2
    with pytest.raises(ValueError, match="NaN"):
        sc.jit(f, backend="numba")(float("nan"), 2)


def test_call_that_writes_to_what_it_is_added_to() -> None:
    def f(x: Any) -> Any:
        x = x.copy()
        for _ in range(4):
            x[::2] = 0.4 * np.arctan(x[1:3] * x[-3] - 1.0)
        return np.sum(np.sin(x))

    x = normal(0, 4)
    wanted = sc.grad(f, backend="numpy")(x)
    np.testing.assert_allclose(sc.grad(f, backend="numba")(x), wanted, rtol=1e-12)


def floor_and_rest(a: Any, b: Any) -> Any:
    floors, rests = np.zeros(len(a)), np.zeros(len(a))
    for i in range(len(a)):
        floors[i] = a[i] // b[i]
        rests[i] = a[i] % b[i]
    return floors, rests


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_division_with_remainder_is_exact(dtype: Any) -> None:
    special = np.array([7.5, -7.5, 0.0, -0.0, math.inf, -math.inf, math.nan, 0.1, 1.0], dtype)
    a, b = np.repeat(special, 9), np.tile(special, 9)
    with np.errstate(all="ignore"):
        wanted = floor_and_rest(a, b)
        found = sc.jit(floor_and_rest, backend="numba")(a, b)
    for x, y in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(x, y)
        kept = ~np.isnan(x)
        np.testing.assert_array_equal(np.signbit(x[kept]), np.signbit(y[kept]))


def test_explain_tells_which_loops_stay_python_and_why() -> None:
    def solved(A, b):
        for _ in range(3):
            b = np.linalg.qr(A * b)[0] @ b
        total = 0.0
        for i in range(b.shape[0]):
            total += b[i]
        return total

    def growing(x):
        found = []
        for k in range(x.shape[0]):
            found.append(x[:k] * 2)
        return found

    A, b = np.eye(3), np.ones(3)
    (told,) = sc.jit(solved, backend="numba").explain(A, b).loops
    line = solved.__code__.co_firstlineno + 1
    assert f"test_numba.py:{line}:9: " in told
    assert "qr at" in told
    assert len(sc.grad(solved, backend="numba").explain(A, b).loops) == 2
    assert sc.jit(solved).explain(A, b).loops == ()
    (told,) = sc.jit(growing, backend="numba").explain(b).loops
    assert told.endswith("does not pass between kernels and Python")
