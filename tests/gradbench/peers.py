"""The evals written for others, in the best form that they have: jit, 64 bits, one thread.

A peer gives for an eval and its arguments two functions without parameters, the function and
its derivative, that return arrays when the result is there; it is no key where it has no form.
"""

from __future__ import annotations

import ctypes
import math
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Pair = tuple[Callable[[], Any], Callable[[], Any]]
FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")


# -- NumPy, the derivative by hand -----------------------------------------------------------


def _numpy_llsq(x: Any, n: int) -> Pair:
    def residual() -> Any:
        t = np.linspace(-1.0, 1.0, n)
        value = np.zeros(n)
        for coefficient in x[::-1]:
            value *= t
            value += coefficient
        return t, np.sign(t) - value

    def gradient() -> Any:
        t, r = residual()
        bar = np.empty_like(x)
        for j in range(len(x)):
            bar[j] = -np.sum(r)
            r *= t
        return bar

    return lambda: 0.5 * np.sum(residual()[1] ** 2), gradient


def _numpy_lse(x: Any) -> Pair:
    def exponentials() -> Any:
        largest = np.max(x)
        e = np.exp(x - largest)
        return largest, e, np.sum(e)

    def value() -> Any:
        largest, _, total = exponentials()
        return largest + np.log(total)

    def gradient() -> Any:
        _, e, total = exponentials()
        return e / total

    return value, gradient


def _numpy_kmeans(centroids: Any, points: Any) -> Pair:
    def distances() -> Any:
        squares = np.sum(points**2, axis=1)[:, None] + np.sum(centroids**2, axis=1)
        return squares - 2 * points @ centroids.T

    def direction() -> Any:
        nearest = np.argmin(distances(), axis=1)
        sums = np.zeros_like(centroids)
        np.add.at(sums, nearest, points)
        return centroids - sums / np.bincount(nearest, minlength=len(centroids))[:, None]

    return lambda: np.sum(np.min(distances(), axis=1)), direction


# -- C++ -------------------------------------------------------------------------------------


def _library() -> Any:
    folder = tempfile.mkdtemp()
    source = Path(__file__).parent / "by_hand.cpp"
    subprocess.run(["g++", *FLAGS, str(source), "-o", f"{folder}/by_hand.so"], check=True)
    library = ctypes.CDLL(f"{folder}/by_hand.so")
    for name in ("llsq", "lse", "det", "kmeans"):
        getattr(library, name).restype = ctypes.c_double
    return library


def _cpp(name: str, arrays: tuple[Any, ...], sizes: tuple[int, ...], like: Any) -> Pair:
    function = getattr(_library(), name)
    bar = np.empty_like(like)
    kept = [np.ascontiguousarray(a) for a in arrays]
    given = [ctypes.c_void_p(a.ctypes.data) for a in kept]
    out = ctypes.c_void_p(bar.ctypes.data)

    def derivative() -> Any:
        function(*given, *sizes, out)
        return bar

    # the lambda keeps the arrays alive
    return lambda kept=kept: function(*given, *sizes, None), derivative


def _cpp_llsq(x: Any, n: int) -> Pair:
    return _cpp("llsq", (x,), (len(x), n), x)


def _cpp_lse(x: Any) -> Pair:
    return _cpp("lse", (x,), (len(x),), x)


def _cpp_det(A: Any, ell: int) -> Pair:
    return _cpp("det", (A,), (ell,), A)


def _cpp_kmeans(centroids: Any, points: Any) -> Pair:
    sizes = (*points.shape[:1], *centroids.shape)
    return _cpp("kmeans", (points, centroids), sizes, centroids)


# -- JAX and PyTorch: programs over their module of array functions ---------------------------


def _log_sum_exp(m: Any, x: Any) -> Any:
    largest = m.amax(x, -1)
    return largest + m.log(m.sum(m.exp(x - largest[..., None]), -1))


def _gmm_constant(d: int, k: int, n: int, mass: int, gamma: float) -> float:
    nu = d + mass + 1
    log_gamma = d * (d - 1) / 4 * math.log(math.pi)
    log_gamma += sum(math.lgamma(nu / 2 + (1 - j) / 2) for j in range(1, d + 1))
    scale = nu * d * math.log(gamma / math.sqrt(2))
    return k * (scale - log_gamma) - n * d / 2 * math.log(2 * math.pi)


def _gmm(m: Any, parts: Any, x: Any, mass: int, gamma: float, place: Any) -> Any:
    alpha, mu, q, lower = parts
    (n, d), k = x.shape, len(alpha)
    z = m.einsum("kij,nkj->nki", place(q, lower), x[:, None] - mu)
    beta = alpha + m.sum(q, 1) - 0.5 * m.sum(z**2, -1)
    prior = mass * m.sum(q) - gamma**2 / 2 * (m.sum(m.exp(q) ** 2) + m.sum(lower**2))
    likelihood = m.sum(_log_sum_exp(m, beta)) - n * _log_sum_exp(m, alpha)
    return likelihood + prior + _gmm_constant(d, k, n, mass, gamma)


def _below(d: int) -> tuple[list[int], list[int]]:
    """The places of the entries below the diagonal, column by column."""
    places = [(i, j) for j in range(d) for i in range(j + 1, d)]
    return [i for i, _ in places], [j for _, j in places]


def _kmeans(m: Any, centroids: Any, points: Any) -> Any:
    return m.sum(m.amin(m.sum((points[:, None] - centroids) ** 2, -1), 1))


def _lstm_step(m: Any, sigmoid: Any, main: Any, extra: Any, state: Any, v: Any) -> Any:
    b = v.shape[0]
    v = v * extra[0]
    new = []
    for i in range(0, len(main), 2):
        w, bias = main[i].reshape(4, b), main[i + 1].reshape(4, b)
        h, c = state[i], state[i + 1]
        forget = sigmoid(v * w[0] + bias[0])
        taken = sigmoid(h * w[1] + bias[1])
        out = sigmoid(v * w[2] + bias[2])
        c = c * forget + taken * m.tanh(h * w[3] + bias[3])
        v = out * m.tanh(c)
        new += [v, c]
    y = v * extra[1] + extra[2]
    return tuple(new), y - m.log(2 + m.sum(m.exp(y)))


def _jax() -> dict[str, Callable[..., Pair]]:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def pair(function: Any, argnums: Any = 0) -> Callable[..., Pair]:
        return made(function, jax.grad(function, argnums))

    def made(function: Any, derivative: Any) -> Callable[..., Pair]:
        def bind(*arguments: Any) -> Pair:
            fixed = [k for k, a in enumerate(arguments) if isinstance(a, int | float)]
            given = [a if k in fixed else jax.device_put(a) for k, a in enumerate(arguments)]
            f, g = (jax.jit(h, static_argnums=fixed) for h in (function, derivative))
            return (
                lambda: jax.block_until_ready(f(*given)),
                lambda: jax.block_until_ready(g(*given)),
            )

        return bind

    def llsq(x: Any, n: int) -> Any:
        t = jnp.linspace(-1.0, 1.0, n)
        return 0.5 * jnp.sum((jnp.sign(t) - jnp.polyval(x[::-1], t)) ** 2)

    def place(q: Any, lower: Any) -> Any:
        k, d = q.shape
        at = jnp.arange(d)
        Q = jnp.zeros((k, d, d)).at[:, at, at].set(jnp.exp(q))
        return Q.at[:, *map(np.array, _below(d))].set(lower)

    def gmm(alpha: Any, mu: Any, q: Any, lower: Any, x: Any, m: int, gamma: float) -> Any:
        return _gmm(jnp, (alpha, mu, q, lower), x, m, gamma, place)

    def kmeans(centroids: Any, points: Any) -> Any:
        return _kmeans(jnp, centroids, points)

    def direction(centroids: Any, points: Any) -> Any:
        slope = jax.grad(lambda c: kmeans(c, points))
        first, second = jax.jvp(slope, (centroids,), (jnp.ones_like(centroids),))
        return first / second

    def ode(x: Any, s: int) -> Any:
        h = 2.0 / s

        def slope(y: Any) -> Any:
            return x.at[1:].multiply(y[:-1])

        def step(y: Any, _: Any) -> Any:
            k1 = slope(y)
            k2 = slope(y + h / 2 * k1)
            k3 = slope(y + h / 2 * k2)
            k4 = slope(y + h * k3)
            return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

        return jax.lax.scan(step, jnp.zeros_like(x), None, length=s)[0]

    def lstm(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        def step(state: Any, pair: Any) -> Any:
            state, y = _lstm_step(jnp, jax.nn.sigmoid, main, extra, state, pair[0])
            return state, jnp.sum(pair[1] * y)

        start = tuple(state[k] for k in range(len(state)))
        _, terms = jax.lax.scan(step, start, (sequence[:-1], sequence[1:]))
        return -jnp.mean(terms) / sequence.shape[1]

    def lstm_gradient(*arguments: Any) -> Any:
        return jnp.concatenate([g.ravel() for g in jax.grad(lstm, (0, 1))(*arguments)])

    return {
        "hello": pair(lambda x: x * x),
        "llsq": pair(llsq),
        "lse": pair(lambda x: _log_sum_exp(jnp, x)),
        "ode": made(ode, jax.grad(lambda x, s: ode(x, s)[-1])),
        "gmm": pair(gmm, (0, 1, 2, 3)),
        "lstm": made(lstm, lstm_gradient),
        "kmeans": made(kmeans, direction),
    }


def _torch() -> dict[str, Callable[..., Pair]]:
    import torch

    torch.set_num_threads(1)

    def tensor(a: Any) -> Any:
        return torch.tensor(a) if isinstance(a, np.ndarray) else a

    def pair(function: Any, count: int = 1) -> Callable[..., Pair]:
        def bind(*arguments: Any) -> Pair:
            given = [tensor(a) for a in arguments]
            varied = [a.clone().requires_grad_() for a in given[:count]]

            def derivative() -> Any:
                found = torch.autograd.grad(function(*varied, *given[count:]), varied)
                return found[0] if count == 1 else found

            return lambda: function(*given), derivative

        return bind

    def llsq(x: Any, n: int) -> Any:
        t = torch.linspace(-1.0, 1.0, n, dtype=x.dtype)
        value = torch.zeros_like(t)
        for k in reversed(range(len(x))):
            value = value * t + x[k]
        return 0.5 * torch.sum((torch.sign(t) - value) ** 2)

    def place(q: Any, lower: Any) -> Any:
        k, d = q.shape
        i, j = (torch.tensor(a, dtype=torch.long) for a in _below(d))
        flat = torch.zeros(k, d * d, dtype=q.dtype).index_copy(1, i * d + j, lower)
        return torch.diag_embed(torch.exp(q)) + flat.reshape(k, d, d)

    def gmm(alpha: Any, mu: Any, q: Any, lower: Any, x: Any, m: int, gamma: float) -> Any:
        return _gmm(torch, (alpha, mu, q, lower), x, m, gamma, place)

    def kmeans(centroids: Any, points: Any) -> Pair:
        c, p = tensor(centroids), tensor(points)

        def cost(c: Any) -> Any:
            return _kmeans(torch, c, p)

        def direction() -> Any:
            varied = c.clone().requires_grad_()
            (first,) = torch.autograd.grad(cost(varied), varied, create_graph=True)
            (second,) = torch.autograd.grad(first, varied, torch.ones_like(c))
            return (first / second).detach()

        return lambda: cost(c), direction

    def lstm(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        held, total = tuple(state), 0.0
        for t in range(len(sequence) - 1):
            held, y = _lstm_step(torch, torch.sigmoid, main, extra, held, sequence[t])
            total = total + torch.sum(sequence[t + 1] * y)
        return -total / (len(sequence) - 1) / sequence.shape[1]

    def lstm_pair(*arguments: Any) -> Pair:
        value, gradient = pair(lstm, 2)(*arguments)
        return value, lambda: torch.cat([g.ravel() for g in gradient()])

    return {
        "llsq": pair(llsq),
        "lse": pair(lambda x: _log_sum_exp(torch, x)),
        "gmm": pair(gmm, 4),
        "lstm": lstm_pair,
        "kmeans": kmeans,
    }


PEERS: dict[str, Callable[[], dict[str, Callable[..., Pair]]]] = {
    "NumPy": lambda: {"llsq": _numpy_llsq, "lse": _numpy_lse, "kmeans": _numpy_kmeans},
    "C++": lambda: {
        "llsq": _cpp_llsq, "lse": _cpp_lse, "det": _cpp_det, "kmeans": _cpp_kmeans,
    },
    "JAX": _jax,
    "PyTorch": _torch,
}  # fmt: skip
