"""Gradients are arrays of the caller's own, made without needless work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec

X = np.arange(12.0).reshape(3, 4)


def body(gradient: Any, *args: Any) -> list[str]:
    """The statements of the generated function."""
    text = gradient.source(*args)
    return [line.strip() for line in text.split("):\n")[-1].splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: np.sum(x), np.ones((3, 4))),
        (lambda x: np.mean(x, axis=0).sum(), np.full((3, 4), 1 / 3)),
        (lambda x: np.sum(np.mean(x, axis=1, keepdims=True)), np.full((3, 4), 1 / 4)),
        (lambda x: np.sum(np.tril(x)), np.tri(3, 4)),
        (lambda x: np.sum(x) + np.sum(x[1:]), np.array([[1.0], [2.0], [2.0]]) * np.ones(4)),
        (
            lambda x: np.sum(np.broadcast_to(x[0], (5, 4))),
            np.array([[5.0], [0], [0]]) * np.ones(4),
        ),
    ],
)
def test_a_gradient_may_be_written_to(
    function: Callable[[Any], Any], expected: np.ndarray
) -> None:
    found = stagec.grad(function)(X)
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    found += 1.0
    np.testing.assert_allclose(stagec.grad(function)(X), expected, rtol=1e-15)


def test_equal_gradients_are_arrays_of_their_own() -> None:
    one, other = stagec.grad(lambda x, y: np.sum(x + y), argnums=(0, 1))(X, X.copy())
    one += 1.0
    np.testing.assert_array_equal(other, np.ones((3, 4)))


def test_a_gradient_is_not_an_argument() -> None:
    y = X.copy()
    found = stagec.grad(lambda x, y: np.sum(x * y))(X, y)
    np.testing.assert_array_equal(found, y)
    assert not np.may_share_memory(found, y)


def test_a_pullback_gives_arrays_of_their_own() -> None:
    ct = np.ones((3, 4))
    _, pullback = stagec.vjp(lambda x, y: x + y, X, X.copy())
    one, other = pullback(ct)
    assert not np.may_share_memory(one, other)
    assert not np.may_share_memory(one, ct)


@pytest.mark.parametrize(
    ("function", "lines"),
    [
        (lambda x: np.sum(x), ["x_bar = np.full(x.shape, 1.0)", "return x_bar"]),
        (lambda x: np.sum(x * x), ["x_bar = x + x", "return x_bar"]),
        (
            lambda x: np.sum(x) + np.sum(x[1:]),
            ["x_bar = np.zeros_like(x)", "x_bar[1:] += 1.0", "x_bar += 1.0", "return x_bar"],
        ),
        (lambda x: -np.sum(x * 3.0), ["x_bar = np.full(x.shape, -3.0)", "return x_bar"]),
    ],
)
def test_the_source_has_nothing_needless(
    function: Callable[[Any], Any], lines: list[str]
) -> None:
    assert body(stagec.grad(function), X) == lines


def test_a_negated_product_is_subtracted_in_place() -> None:
    def f(x: Any, y: Any, n: int) -> Any:
        for i in range(n):
            x[i] += -y[i] * x[i]
        return np.sum(x)

    lines = body(stagec.jit(f), np.ones(4), np.ones(4), 4)
    assert "x[i] -= y[i] * x[i]" in lines
    x, y = np.linspace(1, 2, 4), np.linspace(3, 5, 4)
    expected = x.copy()
    assert stagec.jit(f)(x.copy(), y, 4) == f(expected, y, 4)
    np.testing.assert_allclose(stagec.grad(f)(x, y, 4), 1 - y)


def test_a_constant_below_zero_is_not_turned_around() -> None:
    def f(x: Any) -> None:
        x[0] += -1

    staged = np.array([3], np.uint8)
    with pytest.raises(OverflowError):
        f(staged)
    with pytest.raises(OverflowError):
        stagec.jit(f)(staged)


OUTSIDE = np.array([0.5, -0.25, 1.0])


def test_an_array_from_outside_on_one_path() -> None:
    def f(x: Any) -> Any:
        if x[0] > 0.9:
            return x * 2, x
        return OUTSIDE, x

    for first, wanted in ((1.0, 3.0), (0.3, 1.0)):
        x = np.full(3, first)
        found, pull = stagec.vjp(f, x)
        np.testing.assert_array_equal(found, f(x))
        np.testing.assert_array_equal(pull((np.ones(3), np.ones(3)))[0], np.full(3, wanted))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_pullback_gives_containers_as_they_were_given(backend: str) -> None:
    def f(x: Any, p: Any) -> Any:
        found = {"m": np.zeros(2)}
        for _ in range(p["n"]):
            found["m"] = 0.9 * found["m"] + (p["w"] * x) ** 2
        p["w"], p["n"] = x, 0  # what the function makes of its argument is not the argument
        return found

    x, w = np.array([0.3, -0.5]), np.array([1.0, 2.0])
    given = {"w": w, "b": [0.5, (x, 7)], "n": 2}
    found, pull = stagec.vjp(stagec.jit(f, backend=backend), x, given)
    slope, slopes = pull({"m": np.ones(2)})
    np.testing.assert_allclose(found["m"], 1.9 * (w * x) ** 2)
    np.testing.assert_allclose(slope, 1.9 * 2 * w**2 * x)
    np.testing.assert_allclose(slopes["w"], 1.9 * 2 * w * x**2)
    assert list(slopes) == ["w", "b", "n"]
    assert slopes["n"] is None
    assert slopes["b"][0] == 0.0
    np.testing.assert_array_equal(slopes["b"][1][0], [0.0, 0.0])
    assert slopes["b"][1][1] is None


def test_tangents_of_constants_are_zeros_of_their_type() -> None:
    fixed = np.ones(3, np.float32)

    def f(x: Any) -> Any:
        return x, fixed, 1j, [np.float32(2.0)], 3, np.arange(2)

    for run in (stagec.jvp, stagec.jit(lambda *a: stagec.jvp(*a), static_argnums=0)):
        x_dot, *zeros = run(f, (2.0,), (1.0,))[1]
        assert x_dot == 1.0
        np.testing.assert_array_equal(zeros[0], np.zeros(3, np.float32), strict=True)
        assert zeros[0] is not run(f, (2.0,), (1.0,))[1][1]
        assert repr(zeros[1:]) == "[0j, [np.float32(0.0)], None, None]"

    np.testing.assert_array_equal(stagec.jacfwd(lambda x: fixed)(1.0), np.zeros(3, np.float32))
    np.testing.assert_array_equal(stagec.jacrev(lambda x: fixed)(1.0), np.zeros(3, np.float32))


def test_a_cotangent_that_fills_an_array_stays_what_it_is() -> None:
    """In a kernel it is a number; an array multiplied in place would change for all."""

    def loss(a: Any, b: Any) -> Any:
        return np.maximum(0, a * b).sum()

    a, b = np.array([1.0, -2.0, 3.0, 0.0]), np.array([2.0, 5.0, 4.0, 1.0])
    for backend in ("numpy", "numba"):
        pull = stagec.vjp(stagec.jit(loss, backend=backend), a, b)[1]
        np.testing.assert_array_equal(pull(1.5), [[3.0, 0.0, 6.0, 0.75], [1.5, 0.0, 4.5, 0.0]])


def test_the_adjoint_of_a_row_with_another_axis_is_a_sum() -> None:
    def f(w: Any, x: Any) -> Any:
        return np.sum((w[:, None] * x) ** 2)

    gradient = stagec.grad(f)
    w = np.array([1.0, -2.0, 3.0])
    text = body(gradient, w, X)
    assert not any("zeros" in line for line in text)
    np.testing.assert_allclose(gradient(w, X), 2 * w * np.sum(X**2, axis=1), rtol=1e-15)
    numbers = stagec.grad(f, backend="numba")(w, X)
    np.testing.assert_allclose(numbers, gradient(w, X), rtol=1e-14)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_tangents_have_the_shape_of_their_value(backend: str, length: int) -> None:
    x, given = np.arange(4.0), np.ones(length)
    told = f"could not be broadcast together: lengths {length} and 4"
    if backend == "numba":  # compiled code raises texts that it knows when it is compiled
        told += "|could not be broadcast together\n"

    @stagec.jit(backend=backend)
    def inside(x: Any, ct: Any) -> Any:
        return stagec.vjp(lambda a: (a * a)[::-1], x)[1](ct)

    @stagec.jit(backend=backend)
    def double(x: Any) -> Any:
        return 2.0 * x

    for wrong in (
        lambda: inside(x, given),
        lambda: stagec.vjp(double, x)[1](given),
        lambda: stagec.jvp(double, (x,), (given,)),
        lambda: stagec.jvp(double, (np.ones((3, 4)),), (np.ones((3, length)),)),
    ):
        with pytest.raises(ValueError, match=told):
            wrong()
    np.testing.assert_array_equal(inside(x, x)[0], 2 * x * x[::-1])


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_cotangent_of_another_known_length(backend: str, monkeypatch: Any) -> None:
    """What follows the check is never run, but it has to be well typed."""

    def counted(x: Any) -> Any:
        h = np.zeros(4)
        for i in range(len(x)):
            h[i % 4] += np.sin(x[i])
        return h

    monkeypatch.setenv("STAGEC_CHECK", "1")
    pulled = stagec.jit(lambda x, ct: stagec.vjp(counted, x)[1](ct), backend=backend)
    with pytest.raises(ValueError, match="could not be broadcast together"):
        pulled(np.ones(9), np.ones(1))


def test_a_real_value_has_no_complex_cotangent() -> None:
    with pytest.raises(stagec.StagecError, match="SC418: a complex tangent or cotangent"):
        stagec.vjp(lambda a: a * a, np.ones(3))[1](1j * np.ones(3))


def test_lengths_known_to_be_equal_are_not_compared() -> None:
    pulled = stagec.jit(lambda x: stagec.vjp(np.sin, x)[1](x))
    assert body(pulled, np.ones(3)) == ["x_bar = x * np.cos(x)", "return x_bar"]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_what_a_pullback_keeps_has_sizes_of_the_pullback(backend: str) -> None:
    """The lists that it keeps were typed by the sizes of another program."""

    def steps(c: Any, xs: Any) -> Any:
        found: list[Any] = []
        for a in xs:
            b = np.sin(c * a) * np.sum(a)
            c = np.cos(b * c)
            found.append(b)
        return c, np.stack(found)

    c, xs = np.array([0.3, 0.5]), np.arange(1.0, 7.0).reshape(3, 2)
    f = stagec.jit(steps, backend=backend)
    _, tangent = stagec.jvp(f, (c, xs), (c, xs))
    _, pull = stagec.vjp(f, c, xs)
    back = pull((c, xs))
    along = sum(np.sum(a * b) for a, b in zip(tangent, (c, xs), strict=True))
    against = sum(np.sum(a * b) for a, b in zip(back, (c, xs), strict=True))
    np.testing.assert_allclose(along, against)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_list_of_integers_beside_what_has_a_cotangent(backend: str) -> None:
    """It was handed to the pullback, which asked for a number or an array."""

    def chosen(x: Any) -> Any:
        places = [0]
        for k in range(len(x)):
            if x[k] > 0:
                places.append(k)
        return sum(x[k] ** 2 for k in places), places[::-1]

    x = np.array([0.5, -1.0, 2.0])
    value, pull = stagec.vjp(stagec.jit(chosen, backend=backend), x)
    assert value == chosen(x)
    np.testing.assert_array_equal(pull((1.0, None))[0], [2.0, 0.0, 4.0])


def powers(x: Any) -> Any:
    """Lists of run-time length: of numbers, of arrays, of lists, of tuples."""
    ys: list[Any] = []
    rows: list[Any] = []
    pairs: list[Any] = []
    for k in range(len(x)):
        ys.append(x[k] ** 2)
        rows.append(np.sin(x * x[k]))
        pairs.append((float(x[k]) ** 3, k, x[k] * x))
    nested = [[float(x[0]) * (i + j) for j in range(i + 1)] for i in range(len(x))]
    return {"ys": ys, "again": (ys, nested), "rows": rows}, pairs


def along_powers(x: Any, given: Any) -> Any:
    """The sum of the products of what `powers` returns and its cotangents."""
    found, pairs = powers(x)
    named, tuples = given
    return (
        sum(a * b for a, b in zip(found["ys"], named["ys"], strict=True))
        + sum(a * b for a, b in zip(found["ys"], named["again"][0], strict=True))
        + found["again"][1][2][1] * 5.0
        + sum(np.sum(a * b) for a, b in zip(found["rows"], named["rows"], strict=True))
        + sum(a[0] * b[0] + np.sum(a[2] * b[2]) for a, b in zip(pairs, tuples, strict=True))
    )


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_results_that_are_lists_of_run_time_length(backend: str, kind: Any) -> None:
    """They were refused (SC420)."""
    x = np.array([0.5, -1.0, 2.0], kind)
    _, pull = stagec.vjp(stagec.jit(powers, backend=backend), x)
    nested = [[0.0], None, [0.0, 5.0, 0.0]]
    given = (
        {
            "ys": [1, 2.0, np.float32(3)],
            "again": ([1.0, 0.0, 4.0], nested),
            "rows": list(np.eye(3)),
        },
        [(1.0, None, x), (2.0, None, x + 1), (0.0, None, 2 * x)],
    )
    expected = [
        (along_powers(x + d, given) - along_powers(x - d, given)) / 2e-6
        for d in 1e-6 * np.eye(3)
    ]
    (found,) = pull(given)
    assert found.dtype == kind
    np.testing.assert_allclose(found, expected, rtol=1e-5 if kind is np.float32 else 1e-7)
    np.testing.assert_array_equal(pull(given)[0], found)
    np.testing.assert_array_equal(pull((None, None))[0], np.zeros(3))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_cotangents_of_lists_that_staged_code_makes(backend: str) -> None:
    """Their lengths are known at run time only, like those of the lists."""

    def squares(x: Any) -> Any:
        return [v * v for v in x]

    def pulled(x: Any) -> Any:
        ys, pull = stagec.vjp(squares, x)
        (once,) = pull([2.0 for _ in ys])
        (itself,) = pull(ys)
        ys.append(1.0)
        return once, itself, pull([1.0 for _ in x])[0]

    x = np.array([0.5, -1.0, 2.0])
    once, itself, ones = stagec.jit(pulled, backend=backend)(x)
    np.testing.assert_allclose(once, 4 * x)
    np.testing.assert_allclose(itself, 2 * x**3)
    np.testing.assert_allclose(ones, 2 * x)
    slope = stagec.grad(lambda x: np.sum(stagec.vjp(squares, x)[1](squares(x))[0]))
    np.testing.assert_allclose(slope(x), 6 * x**2)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ([1.0, 2.0], "different lengths"),
        ([], "different lengths"),
        ([1j, 0.0, 0.0], "SC418"),
        ([np.ones(1), 0.0, 0.0], "SC418"),
        (["a", 0.0, 0.0], "SC419"),
        (np.ones(3), "SC419"),
        (1.0, "SC419"),
    ],
)
def test_cotangents_that_do_not_fit_a_list(given: Any, match: str) -> None:
    def squares(x: Any) -> Any:
        return [v * v for v in x]

    _, pull = stagec.vjp(squares, np.arange(3.0))
    with pytest.raises((ValueError, stagec.StagecError), match=match):
        pull(given)


def test_a_list_that_changes_after_the_call_has_its_cotangent() -> None:
    ys, pull = stagec.vjp(lambda x: [v * v for v in x], np.arange(3.0))
    ys.append(1.0)
    np.testing.assert_array_equal(pull([1.0, 1.0, 1.0])[0], [0.0, 2.0, 4.0])
