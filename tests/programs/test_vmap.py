"""`vmap`: the results of a function for each element, together and one after the other."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import stagec
from stagec import StagecError

BACKENDS = ["numpy", "numba"]


class Pair(NamedTuple):
    low: Any
    high: Any


def smooth(w: Any, x: Any) -> Any:
    return np.tanh(w @ x) * np.sum(x)


def branching(w: Any, x: Any) -> Any:
    h = w @ x
    total = 0.0
    for i in range(2):
        total = total + h[i] ** 2 if h[i] > 0 else total - h[i]
    return total


def several(w: Any, x: Any) -> Any:
    return {
        "mean": np.mean(x),
        "pair": Pair(np.min(x), [w[0] * x, x > 0.1]),
        "three": 3,
        "none": None,
    }


def changing(w: Any, x: Any) -> Any:
    x[0] = 2.0
    x[1:] *= w[0, 1:]
    return x


def until(w: Any, x: Any) -> Any:
    count = 0
    while np.sum(x * x) > 0.5 and count < 20:
        x = x / 2
        count += 1
    return count, x


def constant(w: Any, x: Any) -> Any:
    return np.ones(2), 1.5, True


PROGRAMS: list[Callable[..., Any]] = [smooth, branching, several, changing, until, constant]
W = np.linspace(-1.0, 1.0, 12).reshape(3, 4)
XS = np.sin(np.arange(28.0)).reshape(7, 4)


def stacked(results: list[Any]) -> Any:
    """The trees put together leaf by leaf."""
    first = results[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {k: stacked([r[k] for r in results]) for k in first}
    if isinstance(first, Pair):
        return Pair(*(stacked([r[k] for r in results]) for k in range(2)))
    if isinstance(first, tuple | list):
        return type(first)(stacked([r[k] for r in results]) for k in range(len(first)))
    return np.stack(results)


def agree(got: Any, wanted: Any) -> None:
    assert type(got) is type(wanted)
    if isinstance(wanted, dict):
        assert list(got) == list(wanted)
        got, wanted = list(got.values()), list(wanted.values())
    if isinstance(wanted, tuple | list):
        assert len(got) == len(wanted)
        for g, w in zip(got, wanted, strict=True):
            agree(g, w)
    elif wanted is not None:
        assert got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, rtol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_each_element(program: Any, backend: str) -> None:
    given = XS.copy()
    got = stagec.vmap(program, in_axes=(None, 0), backend=backend)(W, given)
    agree(got, stacked([program(W, x.copy()) for x in XS]))
    np.testing.assert_array_equal(given, XS)


@pytest.mark.parametrize("backend", BACKENDS)
def test_other_axes(backend: str) -> None:
    def f(a: Any, t: Any, scale: Any = 1.0) -> Any:
        return a["x"] @ t[0] * scale, t[1] + a["y"]

    a = {"x": np.arange(24.0).reshape(2, 4, 3), "y": 2.0}
    t = (np.arange(12.0).reshape(3, 4), np.arange(4))
    axes = ({"x": -2, "y": None}, (1, 0))
    scale = np.arange(4.0)
    got = stagec.vmap(f, in_axes=axes, out_axes=(1, 0), backend=backend)(a, t, scale=scale)
    each = [f({"x": a["x"][:, k], "y": 2.0}, (t[0][:, k], t[1][k]), scale[k]) for k in range(4)]
    np.testing.assert_allclose(got[0], np.stack([e[0] for e in each], axis=1))
    np.testing.assert_array_equal(got[1], np.stack([e[1] for e in each]))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("program", [smooth, branching], ids=lambda f: f.__name__)
def test_with_derivatives(program: Any, backend: str) -> None:
    def loss(w: Any, x: Any) -> Any:
        return np.sum(program(w, x))

    slopes = stagec.vmap(stagec.grad(loss), in_axes=(None, 0), backend=backend)(W, XS)
    agree(slopes, np.stack([stagec.grad(loss)(W, x) for x in XS]))
    together = stagec.grad(
        lambda w: np.sum(stagec.vmap(loss, in_axes=(None, 0))(w, XS)), backend=backend
    )
    agree(together(W), np.sum(slopes, axis=0))
    moved = stagec.jvp(
        stagec.vmap(program, in_axes=(None, 0), backend=backend), (W, XS), (W, XS)
    )[1]
    agree(moved, np.stack([stagec.jvp(program, (W, x), (W, x))[1] for x in XS]))


@pytest.mark.parametrize("backend", BACKENDS)
def test_nested(backend: str) -> None:
    def distance(x: Any, y: Any) -> Any:
        return np.sqrt(np.sum((x - y) ** 2) + 1)

    @stagec.jit(backend=backend)
    def table(xs: Any, ys: Any) -> Any:
        return stagec.vmap(stagec.vmap(distance, in_axes=(None, 0)), in_axes=[0, None])(xs, ys)

    agree(table(XS, W), np.stack([[distance(x, y) for y in W] for x in XS]))


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_elements(backend: str) -> None:
    f = stagec.vmap(branching, in_axes=(None, 0), backend=backend)
    assert f(W, XS).shape == (7,)
    assert f(W, XS[:0]).shape == (0,)


@pytest.mark.parametrize("backend", BACKENDS)
def test_effects_happen_once_for_each_element(
    backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Any] = []
    last = np.zeros(4)

    def f(x: Any) -> Any:
        print("called")  # noqa: T201
        seen.append(1)
        last[:] = x
        return np.random.normal() + np.sum(x)

    def once(xs: Any) -> Any:
        np.random.seed(3)
        return stagec.vmap(f)(xs)

    got = stagec.jit(once, backend=backend)(XS)
    assert capsys.readouterr().out == "called\n" * 7
    assert len(seen) == 7
    np.testing.assert_array_equal(last, XS[-1])
    np.random.seed(3)
    np.testing.assert_allclose(got, [np.random.normal() + np.sum(x) for x in XS])


@pytest.mark.parametrize("backend", BACKENDS)
def test_errors_of_an_element(backend: str) -> None:
    def f(x: Any) -> Any:
        if x[0] > 0.9:
            raise ValueError("too large")
        return np.sqrt(x)

    with pytest.raises(ValueError, match="too large"):
        stagec.vmap(f, backend=backend)(np.linspace(0, 1, 12).reshape(6, 2))
    agree(stagec.vmap(f, backend=backend)(np.zeros((3, 2))), np.zeros((3, 2)))


def test_together_on_numpy_in_a_loop_on_numba() -> None:
    f = stagec.vmap(smooth, in_axes=(None, 0))
    assert "for j in" not in f.source(W, XS)
    assert "for j in" in stagec.vmap(smooth, in_axes=(None, 0), backend="numba").source(W, XS)
    text = stagec.vmap(branching, in_axes=(None, 0)).source(W, XS)
    assert "copy" not in text
    assert text.count("@") == 1  # what is computed for shapes alone leaves no trace


@pytest.mark.parametrize(
    ("axes", "code"),
    [
        ((None, 2), "SC422"),
        ((None, None), "SC423"),
        ((0,), "SC424"),
        ((None, {"a": 0}), "SC424"),
    ],
)
def test_axes_that_arguments_do_not_have(axes: Any, code: str) -> None:
    with pytest.raises(StagecError, match=code):
        stagec.vmap(smooth, in_axes=axes)(W, XS)


def test_lengths_that_differ() -> None:
    with pytest.raises(ValueError, match="vmap over axes of lengths 3 and 7"):
        stagec.vmap(np.dot)(W, XS)
