"""Products of tall matrices in loops: which are done the other way round, and which are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec.opt.lengthwise.choice import chosen

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(3)


def distances(x: Any, mu: Any, Q: Any) -> Any:
    s = 0.0
    for c in range(len(mu)):
        z = (x - mu[c]) @ Q[c].T
        s += np.sum(np.sqrt(1.0 + np.sum(z**2, axis=1)) * np.mean(z, axis=1))
    return s


def softmax(x: Any, mu: Any, Q: Any) -> Any:
    out = np.zeros(len(x))
    for c in range(len(mu)):
        z = np.tanh(x * mu[c]) @ Q[c]
        e = np.exp(z - np.max(z, axis=1, keepdims=True))
        p = e / np.sum(e, axis=1, keepdims=True)
        out += np.sum(p * z, axis=-1) + len(z)
    return out


def scatter(x: Any, mu: Any, Q: Any) -> Any:
    total = np.zeros_like(Q)
    for c in range(len(mu)):
        t = x - mu[c]
        w = np.exp(-np.sum(t**2, axis=1))
        total[c] = t.T @ (w[:, None] * t) + np.sum(t, axis=0)
    return total


def blended(x: Any, mu: Any, Q: Any) -> Any:
    """The sum that the loop carries turns as well; it begins as zeros."""
    total = np.zeros_like(x)
    for c in range(len(mu)):
        total += x[:, 0, None] * (x @ Q[c])
    return total


def nested(x: Any, mu: Any, Q: Any) -> Any:
    total = np.ones(x.shape)
    s = 0.0
    for _ in range(2):
        s += np.sum(np.sqrt(np.sum(total**2, axis=1)))
        for c in range(len(mu)):
            total = np.tanh(total + x @ Q[c] * x[:, 1:2])
        total = total * 0.5 + mu[0]
    return total * s


def layers(x: Any, mu: Any, Q: Any) -> Any:
    """A matrix is carried from trip to trip."""
    h = x.copy()
    for c in range(len(mu)):
        h = np.tanh(h @ Q[c] + mu[c])
    return h


def rows(x: Any, mu: Any, Q: Any) -> Any:
    """Rows of the product are looked at one by one."""
    s = 0.0
    for c in range(len(mu)):
        z = x @ Q[c]
        for i in range(len(z)):
            s += np.sqrt(1.0 + np.dot(z[i], mu[c]) ** 2)
    return s


def summed_rows(x: Any, mu: Any, Q: Any) -> Any:
    """Rows of the sum are looked at one by one."""
    total, s = np.zeros_like(x), 0.0
    for c in range(len(mu)):
        total += x @ Q[c]
        for i in range(len(total)):
            s += np.sqrt(1.0 + np.dot(total[i], mu[c]) ** 2)
    return s


def switched(x: Any, mu: Any, Q: Any) -> Any:
    """The sum may be another matrix after a trip."""
    total = np.zeros_like(x)
    for c in range(len(mu)):
        total = total + x @ Q[c] if mu[c, 0] > 0 else x
    return total


def collected(x: Any, mu: Any, Q: Any) -> Any:
    """The products are results."""
    found = []
    for c in range(len(mu)):
        found.append(x @ Q[c])
    return found


def outside(x: Any, mu: Any, Q: Any) -> Any:
    """A product in no loop stays one of NumPy's."""
    return np.sum((x @ Q[0]) ** 2, axis=1)


def shares(x: Any, mu: Any, Q: Any) -> Any:
    """Columns are filled one after the other, and read so by the gradient."""
    e = np.empty((len(x), len(mu)))
    for c in range(len(mu)):
        e[:, c] = np.sin(np.sum((x - mu[c]) ** 2, axis=1))
    p = np.exp(e - np.max(e, axis=1)[:, None])
    p /= np.sum(p, axis=1, keepdims=True)
    return np.sum(p * e, axis=1)


def lagged(x: Any, mu: Any, Q: Any) -> Any:
    """A column is made of others, and read after it has changed."""
    b = np.zeros((len(x), 4))
    b[:, 0] = x[:, 0]
    for c in range(1, 4):
        before = b[:, c - 1]
        b[:, c] = np.tanh(before * mu[c, 0] + b[:, -1])
        b[:, c - 1] += 2.0
        b[:, 0] *= before
    return np.sum(b * np.array([1.0, -1.0, 2.0, 3.0]), axis=1) + b[:, 2]


def repeated(x: Any, mu: Any, Q: Any) -> Any:
    """The loop over columns is in another, and the array is emptied in between."""
    b = np.ones((len(x), len(mu)))
    s = 0.0
    for k in range(3):
        for c in range(len(mu)):
            b[:, c] += x[:, 1] * mu[c, k]
        s += np.sum(np.sqrt(1.0 + np.sum(b**2, axis=1)))
        b[:] = 0.5 * b + k
    return s + np.sum(b)


def kept_columns(x: Any, mu: Any, Q: Any) -> Any:
    """The columns are the result."""
    b = np.zeros((len(x), len(mu)))
    for c in range(len(mu)):
        b[:, c] = np.tanh(x[:, 0] * mu[c, 0])
    return b


def columns_and_rows(x: Any, mu: Any, Q: Any) -> Any:
    """Rows are needed as well."""
    b, s = np.zeros((len(x), len(mu))), 0.0
    for c in range(len(mu)):
        b[:, c] = np.tanh(x[:, 0] * mu[c, 0])
    for i in range(len(x)):
        s += np.sqrt(1.0 + np.sum(b[i] ** 2))
    return s


def some_columns(x: Any, mu: Any, Q: Any) -> Any:
    """Several columns at a time, and some rows of one."""
    b = np.zeros((len(x), len(mu)))
    for c in range(len(mu)):
        b[:, [c, 0]] += np.tanh(x[:, :1] * mu[c, 0])
        b[1:, c] *= 2.0
    return np.sum(b, axis=1)


TURNED = (distances, softmax, scatter, blended, nested, shares, lagged, repeated)
STAY = (
    *(layers, rows, summed_rows, switched, collected, outside),
    *(kept_columns, columns_and_rows, some_columns),
)


def arguments(n: int, d: int = 3, k: int = 4) -> tuple[Any, ...]:
    return RNG.normal(size=(n, d)), RNG.normal(size=(k, d)), RNG.normal(size=(k, d, d))


def turning(function: Any, *args: Any) -> set[str]:
    """The names of the matrices that turn."""
    return {v.hint for v in chosen(function.ir(*args, stage="optimised")).values}


@pytest.mark.parametrize("program", [*TURNED, *STAY])
def test_values(program: Callable[..., Any]) -> None:
    """Whatever the sizes of later calls are."""
    compiled = sc.jit(program, backend="numba")
    for n in (17, 5, 2, 1, 0) if program is not softmax else (17, 5, 2, 1):
        args = arguments(n)
        found, expected = compiled(*args), program(*args)
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-10)


@pytest.mark.parametrize("program", TURNED)
@pytest.mark.parametrize("n", [17, 4])
def test_gradients(program: Callable[..., Any], n: int) -> None:
    def loss(x: Any, mu: Any, Q: Any) -> Any:
        return np.sum(program(x, mu, Q) ** 2)

    args = arguments(n)
    ours = sc.grad(loss, argnums=(0, 1, 2), backend="numba")(*args)
    expected = sc.grad(loss, argnums=(0, 1, 2), backend="numpy")(*args)
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


def test_what_turns() -> None:
    compiled = sc.jit(distances, backend="numba")
    args = arguments(17)
    assert turning(compiled, *args) == {"z", ""}
    assert "x[j, i]" in compiled.source(*args)  # a copy, in front of the loop


def test_sums_end_in_the_order_of_the_program() -> None:
    """Also where there is no trip."""
    compiled = sc.jit(blended, backend="numba")
    assert "total" in turning(compiled, *arguments(17))
    for k in (4, 0):
        found = compiled(*arguments(17, k=k))
        assert found.shape == (17, 3)
        assert found.flags.c_contiguous


def skinned(x: Any, w: Any, Q: Any) -> Any:
    Q = Q + np.zeros((4, 4))
    total = np.zeros((len(x), 3))
    for c in range(len(Q)):
        total += w[:, c, None] * (x @ Q[c, :3].T)
    return total


def test_small_products_read_rows() -> None:
    """What loops read several times lies in the order in which they read it."""
    compiled = sc.jit(skinned, backend="numba")
    args = RNG.normal(size=(17, 4)), RNG.normal(size=(17, 5)), RNG.normal(size=(5, 4, 4))
    np.testing.assert_allclose(compiled(*args), skinned(*args), rtol=1e-12)
    source = compiled.source(*args)
    assert "skinned_kernel(w, x.T, Q)" in source
    assert "    t = t.copy()\n    total = np.zeros((3, t_1))\n" in source
    innermost = [line for line in source.splitlines() if "w[" in line]
    assert innermost == ["            t_2[0, j] = w[j, c]"]


@pytest.mark.parametrize("program", STAY)
def test_what_stays(program: Callable[..., Any]) -> None:
    assert not turning(sc.jit(program, backend="numba"), *arguments(17))


def test_short_axes_at_the_first_call_stay() -> None:
    assert not turning(sc.jit(distances, backend="numba"), *arguments(5))


def test_long_rows_stay() -> None:
    assert not turning(sc.jit(distances, backend="numba"), *arguments(400, d=50))


def test_tapes_turn_with_what_is_recorded() -> None:
    compiled = sc.grad(distances, argnums=(1, 2), backend="numba")
    args = arguments(17)
    assert chosen(compiled.ir(*args, stage="optimised")).webs


def test_columns_are_rows() -> None:
    """So every loop runs along the observations."""
    args = arguments(17)
    assert {"e", "p"} <= turning(sc.jit(shares, backend="numba"), *args)
    source = sc.jit(shares, backend="numba").source(*args)
    assert "e[c, i] = kernels.sin(" in source
    found = sc.value_and_grad(lambda *a: np.sum(shares(*a) ** 2), (0, 1), backend="numba")
    assert {"e", "e_bar"} <= turning(found, *args)
    assert "b" in turning(sc.jit(repeated, backend="numba"), *args)


def test_many_columns_stay() -> None:
    """Rows that long are as good for vectors, and nobody has measured more."""
    compiled = sc.jit(shares, backend="numba")
    assert turning(compiled, *arguments(300, k=100))
    assert not turning(sc.jit(shares, backend="numba"), *arguments(300, k=150))
    assert not turning(sc.jit(shares, backend="numba"), *arguments(150, k=100))


def test_columns_outside_raise() -> None:
    def program(x: Any, at: Any) -> Any:
        b = np.zeros((len(x), 4))
        for c in range(len(at)):
            b[:, at[c]] = x[:, 0] * c
        return np.sum(b, axis=1)

    x, at = RNG.normal(size=(17, 3)), np.array([2, -1, 2])
    compiled = sc.jit(program, backend="numba")
    assert "b" in turning(compiled, x, at)
    np.testing.assert_array_equal(compiled(x, at), program(x, at))
    for bad in (4, -5):
        with pytest.raises(IndexError, match="out of bounds"):
            compiled(x, np.array([0, bad]))


def test_columns_of_whole_numbers_and_truths() -> None:
    """Element types stay those of the program, and what is stored is cut to them."""

    def program(x: Any, mu: Any) -> Any:
        b = np.zeros((len(x), 4), dtype=np.float32)
        m = np.zeros((len(x), 4), dtype=bool)
        for c in range(4):
            b[:, c] = x[:, 0] * mu[c, 0]
            m[:, c] = b[:, c] > 0.1
        return np.sum(np.where(m, b, 0), axis=1), np.sum(m, axis=1)

    x, mu, _ = arguments(17)
    compiled = sc.jit(program, backend="numba")
    assert {"b", "m"} <= turning(compiled, x, mu)
    for a, b in zip(compiled(x, mu), program(x, mu), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_columns_beside_those_of_the_caller_stay() -> None:
    """Such loops go along rows."""

    def beside(a: Any) -> Any:
        t = np.zeros(a.shape)
        for j in range(a.shape[1]):
            t[:, j] = np.sin(a[:, j] * j)
        return np.sum(t**2)

    def copied(a: Any) -> Any:
        t = a.copy()
        for j in range(1, a.shape[1]):
            t[:, j] += np.sin(t[:, j - 1])
        return np.sum(t**2)

    for program in (beside, copied):
        assert not turning(sc.jit(program, backend="numba"), RNG.normal(size=(40, 5)))
