"""Jacobians: all columns, or rows, at once, and one by one where that cannot be."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec
from stagec import StagecError


def branching(x: Any) -> Any:
    y = x * x if x[0] > 0 else np.sqrt(np.abs(x))
    return y if np.sum(x) > 0 else -y


def changing(x: Any) -> Any:
    y = x.copy()
    y[1:] *= x[:-1]
    y[::2] += np.cumsum(x)[::2]
    y = np.where(y > 0.5, y, x * x)
    return np.concatenate([y, np.sort(x)])


def collecting(x: Any) -> Any:
    rows: list[Any] = []
    for i in range(len(x)):
        rows.append(np.tanh(x[i] * x))
    return np.stack(rows)


def gathering(x: Any) -> Any:
    y = np.zeros(4)
    np.add.at(y, np.array([0, 2, 2, 1]), x[:4] ** 2)
    return y[::-1] * np.max(x) + np.mean(x)


def solving(x: Any) -> Any:
    a = np.outer(x, x)[:3, :3] + 4 * np.eye(3)
    return np.linalg.solve(a, np.ones(3)) * np.linalg.det(a)


def stepping(x: Any) -> Any:
    y = x * 1.0
    for _ in range(20):
        k = np.sin(y) * x
        y = y + 0.05 * (k + np.cos(y + 0.1 * k))
    return y


def until(x: Any) -> Any:
    total, k = 0.0, 0
    while total < 3 and k < 50:
        total = total + np.abs(x[k % len(x)]) * x[0] ** 2 + 0.1
        k += 1
    return np.array([total, x[1] * total])


def turning(x: Any) -> Any:
    """Small matrices made of numbers, multiplied in a loop."""
    turned = np.zeros((len(x), 3, 3))
    for i in range(len(x)):
        c, s = np.cos(x[i]), np.sin(x[i])
        turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        turned[i] = turn @ turned[i - 1] + turn.T if i else turn
    return turned[-1]


def products(x: Any) -> Any:
    """Products of matrices on either side, in stacks, and of vectors."""
    a = np.outer(x, x)
    b = a @ np.cos(a) + np.cos(a) @ np.ones((len(x), len(x)))
    stack = np.stack([a, b])
    return (stack @ b)[0] @ x + np.sum(stack @ x, axis=0)


PROGRAMS: list[Callable[[Any], Any]] = [
    branching, changing, collecting, gathering, solving, stepping, until, turning, products,
]  # fmt: skip
POINTS = {4: np.array([0.3, 1.2, 0.7, 0.5]), 9: np.linspace(0.2, 1.4, 9)[::-1].copy()}


def differences(f: Any, x: Any, step: float = 1e-6) -> Any:
    columns: list[Any] = []
    for k in range(len(x)):
        d = np.zeros_like(x)
        d[k] = step
        columns.append((np.asarray(f(x + d)) - np.asarray(f(x - d))) / (2 * step))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("size", POINTS)
@pytest.mark.parametrize("mode", [stagec.jacfwd, stagec.jacrev])
@pytest.mark.parametrize("program", PROGRAMS)
def test_jacobians(program: Any, mode: Any, size: int) -> None:
    x = POINTS[size]
    np.testing.assert_allclose(mode(program)(x), differences(program, x), atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("program", [changing, stepping, turning, products])
def test_columns_side_by_side_in_compiled_loops(program: Any) -> None:
    x = POINTS[9]
    jacobian = stagec.jacfwd(program, backend="numba")
    expected = stagec.jacfwd(program)(x)
    np.testing.assert_allclose(jacobian(x), expected, rtol=1e-12, atol=1e-12)


def test_the_function_itself_is_computed_once() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        for _ in range(20):
            y = np.exp(-y) * x
        return y

    for mode in (stagec.jacfwd, stagec.jacrev):
        assert mode(f).source(POINTS[4]).count("np.exp(") == 1


def test_effects_happen_once(capsys: pytest.CaptureFixture[str]) -> None:
    def loud(x: Any) -> Any:
        print("here")  # noqa: T201
        return x * x

    stagec.jacfwd(loud)(POINTS[4])
    assert capsys.readouterr().out == "here\n"


def test_hessians() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.sin(x) * x[::-1]) ** 2

    for x in POINTS.values():
        expected = differences(stagec.grad(f), x)
        np.testing.assert_allclose(stagec.hessian(f)(x), expected, atol=1e-6)


def test_a_matrix_as_argument() -> None:
    def f(a: Any) -> Any:
        return (a @ a.T).ravel()[1:] / np.linalg.norm(a)

    a = np.arange(1.0, 7.0).reshape(3, 2)
    forward, backward = stagec.jacfwd(f)(a), stagec.jacrev(f)(a)
    assert forward.shape == (8, 3, 2)
    np.testing.assert_allclose(forward, backward, rtol=1e-12)


def test_a_gradient_by_columns_takes_no_more_memory_than_one_column() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.sin(x) * x)

    source = stagec.jacfwd(f).source(stagec.spec("f64[n]"))
    assert "for j in range" in source
    assert "np.eye" not in source


def scaled(x: Any, n: int) -> Any:
    return x**n


@pytest.mark.parametrize("kind", ["jacfwd", "jacrev"])
def test_parameters_have_the_names_of_the_program(kind: str) -> None:
    x = np.array([1.0, 2.0])
    transform = getattr(stagec, kind)
    assert f"def scaled_{kind}(x, n)" in transform(scaled).source(x, 3)
    for static in ({"static_argnums": 1}, {"static_argnames": "n"}):
        staged = transform(scaled, **static)
        assert f"def scaled_{kind}(x)" in staged.source(x, 3)
        np.testing.assert_allclose(staged(x, 3), np.diag(3 * x**2))


NUMBERS = {
    "float": 1.5, "np": np.float64(1.5), "0-d": np.array(1.5),
    "f32": np.array([1, 2], np.float32),
    "vector": np.array([1.0, 2.0, 3.0]), "unit": np.array([2.0]), "matrix": np.ones((2, 3)),
    "none": np.zeros(0), "empty": np.zeros((0, 3)),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["jacfwd", "jacrev"])
@pytest.mark.parametrize("x", NUMBERS.values(), ids=NUMBERS)
def test_every_kind_of_argument_and_result(x: Any, kind: str) -> None:
    jacobian = getattr(stagec, kind)
    size, shape = np.size(x), np.shape(x)
    flat = np.ravel(x)
    for f, expected in [
        (lambda y: y * y, np.diag(2 * flat).reshape((*shape, *shape))),
        (lambda y: np.sum(y * y), (2 * flat).reshape(shape)),
        (lambda y: np.array(np.sum(y * y)), (2 * flat).reshape(shape)),
        (lambda y: np.stack([y, 2 * y]), np.vstack([np.eye(size), 2 * np.eye(size)])),
        (lambda y: np.ones(2) * 3, np.zeros((2, size))),
    ]:
        found = jacobian(f)(x)
        assert np.shape(found)[len(np.shape(f(x))) :] == shape
        np.testing.assert_allclose(np.reshape(found, np.shape(expected)), expected, rtol=1e-6)
        if np.asarray(f(x)).dtype == np.float32:
            assert np.asarray(found).dtype == np.float32


@pytest.mark.parametrize("size", [2, 80])
@pytest.mark.parametrize("kind", ["jacfwd", "jacrev"])
def test_trees(kind: str, size: int) -> None:
    """80 columns are more than are computed together where the result is one number."""
    jacobian = getattr(stagec, kind)

    def f(p: Any) -> Any:
        total = np.sum(p["w"] ** 2) * p["b"]
        return {"total": total, "rows": [p["w"][0] * p["b"] * p["n"], 3]}

    w = np.arange(2.0 * size).reshape(2, size)
    found = jacobian(f)({"w": w, "b": 2.0, "n": 5})
    np.testing.assert_allclose(found["total"]["w"], 4 * w)
    np.testing.assert_allclose(found["total"]["b"], np.sum(w**2))
    by_w, by_b = found["rows"][0]["w"], found["rows"][0]["b"]
    np.testing.assert_allclose(by_w[:, 0], 10 * np.eye(size))
    np.testing.assert_allclose(by_w[:, 1], 0)
    np.testing.assert_allclose(by_b, 5 * w[0])
    assert found["total"]["n"] is None
    assert found["rows"][1] is None
    alone = jacobian(lambda p: np.sum(p[0] ** 2) * p[1])((w[0], 2.0))
    np.testing.assert_allclose(alone[0], 4 * w[0])
    np.testing.assert_allclose(alone[1], np.sum(w[0] ** 2))


@pytest.mark.parametrize("kind", ["jacfwd", "jacrev"])
def test_several_arguments(kind: str) -> None:
    jacobian = getattr(stagec, kind)
    x, y = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    by_x, by_y = jacobian(lambda a, b: a * a * b, argnums=(0, -1))(x, y)
    np.testing.assert_allclose(by_x, np.diag(2 * x * y))
    np.testing.assert_allclose(by_y, np.diag(x * x))
    np.testing.assert_allclose(jacobian(lambda a, b: a * a * b, argnums=-1)(x, y), by_y)
    with pytest.raises(StagecError, match="SC412: jacobian: there is no argument 2"):
        jacobian(lambda a, b: a * b, argnums=2)(x, y)


def test_hessians_of_trees() -> None:
    def f(p: Any) -> Any:
        return np.sum(p["w"] ** 2) * p["b"] ** 2

    w = np.array([1.0, 2.0])
    found = stagec.hessian(f)({"w": w, "b": 3.0})
    np.testing.assert_allclose(found["w"]["w"], 18 * np.eye(2))
    np.testing.assert_allclose(found["w"]["b"], 12 * w)
    np.testing.assert_allclose(found["b"]["w"], 12 * w)
    np.testing.assert_allclose(found["b"]["b"], 10.0)
    blocks = stagec.hessian(lambda a, b: np.sum(a**2 * b), argnums=(0, 1))(w, w)
    np.testing.assert_allclose(blocks[0][1], np.diag(2 * w))
    np.testing.assert_allclose(blocks[1][1], 0)


@pytest.mark.parametrize("kind", ["jacfwd", "jacrev"])
def test_what_has_no_jacobian_is_refused_at_the_users_line(kind: str) -> None:
    jacobian = getattr(stagec, kind)
    x = np.array([1.0, 2.0])
    for f, point, code in [
        (lambda a: a * 2.0, x * 1j, "SC421"),
        (lambda a: a * 1j, x, "SC421"),
        (lambda a: a * 2.0, np.arange(2), "SC413"),
        (np.argsort, x, "SC413"),
    ]:
        with pytest.raises(StagecError, match=code) as caught:
            jacobian(f)(point)
        assert caught.value.loc is None or caught.value.loc.file == __file__
    inside = stagec.jit(lambda a: jacobian(lambda b: b * 1j)(a))
    with pytest.raises(StagecError, match="SC421") as caught:
        inside(x)
    assert caught.value.loc is not None
    assert caught.value.loc.file == __file__


def test_a_number_is_a_tangent_of_an_array_without_axes() -> None:
    x = np.array(3.0)
    value, tangent = stagec.jvp(lambda a: a * a, (x,), (1.0,))
    assert (value, tangent) == (9.0, 6.0)
    _, pull = stagec.vjp(lambda a: np.array(a * a), x)
    assert pull(1.0)[0] == 6.0


def test_jacobian_of_a_gradient_that_goes_column_by_column() -> None:
    # the trip is staged more than once: variables of a call before are no values of the next
    def f(x: Any) -> Any:
        b = np.zeros((3, 5))
        for i in range(3):
            b[i] = x
            b[i] *= x[0]
            if i:
                b[i] += b[i - 1] * x[i]
        return np.sum(b * b)

    x = np.array([0.3, 0.5, -0.2, 0.7, 1.1])
    slope = stagec.grad(f)
    wanted = [(slope(x + d) - slope(x - d)) / 2e-5 for d in 1e-5 * np.eye(5)]
    for found in (stagec.jacfwd(slope)(x), stagec.jacrev(slope)(x), stagec.hessian(f)(x)):
        np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-7)


def test_two_jacobians_of_a_loop_in_one_function() -> None:
    def both(x: Any) -> Any:
        def f(a: Any) -> Any:
            b = a.copy()
            for i in range(1, 4):
                b[i] *= b[i - 1]
            return b

        return stagec.jacrev(f)(x), stagec.jacfwd(f)(x), stagec.jacfwd(lambda a: f(a) * 2)(x)

    rows, columns, twice = stagec.jit(both)(np.array([0.5, 1.0, 2.0, 0.3]))
    np.testing.assert_allclose(rows, columns, rtol=1e-15)
    np.testing.assert_allclose(2 * rows, twice, rtol=1e-15)


def test_what_outer_objects_see() -> None:
    seen: list[Any] = []
    last = np.zeros(3)

    def f(x: Any) -> Any:
        seen.append(1)
        last[:] = x
        return x * x

    x = np.arange(3.0)
    transformed: list[Callable[[Any], Any]] = [
        stagec.jacrev(f),
        lambda x: stagec.vjp(f, x)[1](x),
        lambda x: stagec.jvp(f, (x,), (x,)),
        stagec.grad(lambda x: np.sum(f(x))),
    ]
    for transform in transformed:
        seen.clear()
        last[:] = 0.0
        stagec.jit(transform)(x)
        assert seen == [1]
        np.testing.assert_array_equal(last, x)
    with pytest.raises(StagecError, match="SC425"):
        stagec.jacfwd(f)(x)
