"""The evals in JAX: compiled, in 64 bits, waiting for the result."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from tests.gradbench import shared

Pair = tuple[Callable[[], Any], Callable[[], Any]]

jax: Any = import_module("jax")
jnp: Any = import_module("jax.numpy")
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
    return Q.at[:, *map(np.array, shared.below(d))].set(lower)


def gmm(alpha: Any, mu: Any, q: Any, lower: Any, x: Any, m: int, gamma: float) -> Any:
    return shared.gmm(jnp, (alpha, mu, q, lower), x, m, gamma, place)


def kmeans(centroids: Any, points: Any) -> Any:
    return shared.kmeans(jnp, centroids, points)


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
        state, y = shared.lstm_step(jnp, jax.nn.sigmoid, main, extra, state, pair[0])
        return state, jnp.sum(pair[1] * y)

    start = tuple(state[k] for k in range(len(state)))
    _, terms = jax.lax.scan(step, start, (sequence[:-1], sequence[1:]))
    return -jnp.mean(terms) / sequence.shape[1]


def lstm_gradient(*arguments: Any) -> Any:
    return jnp.concatenate([g.ravel() for g in jax.grad(lstm, (0, 1))(*arguments)])


def compiled(function: Any, derivative: Any, *arguments: Any) -> Pair:
    """The two on the arguments, which are on the device before."""
    given = jax.device_put(arguments)
    f, g = jax.jit(function), jax.jit(derivative)
    return (
        lambda: jax.block_until_ready(f(*given)),
        lambda: jax.block_until_ready(g(*given)),
    )


def reprojection(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
    return shared.reprojection(jnp, jnp.cross, camera, point, weight, feature)


def ba(cameras: Any, points: Any, weights: Any, features: Any, seen_by: Any, sees: Any) -> Pair:
    sizes = len(cameras), len(points)

    def objective(cameras: Any, points: Any, w: Any, features: Any, i: Any, j: Any) -> Any:
        return reprojection(cameras[i], points[j], w, features), 1 - w**2

    def jacobian(cameras: Any, points: Any, w: Any, features: Any, i: Any, j: Any) -> Any:
        seen = cameras[i], points[j], w
        errors, pull = jax.vjp(lambda c, x, v: reprojection(c, x, v, features), *seen)
        seeds = [jnp.zeros_like(errors).at[:, row].set(1.0) for row in range(2)]
        rows = [jnp.concatenate([*pull(s)[:2], pull(s)[2][:, None]], 1) for s in seeds]
        return shared.sparse(jnp, jnp.stack(rows, 1), -2 * w, sizes, i, j)

    return compiled(objective, jacobian, cameras, points, weights, features, seen_by, sees)


def ht(theta: Any, us: Any, points: Any, chosen: Any, model: Any) -> Pair:
    parents, levels = model["parents"], shared.levels(model["parents"])
    places, entries = map(np.array, shared.bends())

    def absolute(relative: Any) -> Any:
        for level in levels:
            chained = relative[parents[level]] @ relative[level]
            relative = relative.at[level].set(chained)
        return relative

    def angle(theta: Any) -> Any:
        return jnp.zeros(3 * len(parents)).at[places].set(theta[entries]).reshape(-1, 3)

    def objective(theta: Any, points: Any, chosen: Any, arrays: Any) -> Any:
        return shared.ht(jnp, (theta, angle, absolute), points, chosen, arrays)

    arrays = {key: model[key] for key in ("relatives", "inverses", "positions", "weights")}
    return compiled(objective, jax.jacfwd(objective), theta, points, chosen, arrays)


EVALS: dict[str, Callable[..., Pair]] = {
    "hello": pair(lambda x: x * x),
    "llsq": pair(llsq),
    "lse": pair(lambda x: shared.log_sum_exp(jnp, x)),
    "ode": made(ode, jax.grad(lambda x, s: ode(x, s)[-1])),
    "gmm": pair(gmm, (0, 1, 2, 3)),
    "lstm": made(lstm, lstm_gradient),
    "kmeans": made(kmeans, direction),
    "ht": ht,
    "ba": ba,
}
