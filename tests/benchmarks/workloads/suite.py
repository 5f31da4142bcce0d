"""Programs of the GradBench kind: mixture of Gaussians, bundle adjustment, language model."""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec
from examples.gradbench import ba, gmm, lstm
from tests.benchmarks.workload import (
    GRADIENT,
    Derivative,
    Handwritten,
    Workload,
    jax,
    loops,
    normal,
    torch,
    with_autograd,
)
from tests.benchmarks.workloads import suite_by_hand as by_hand


def _factors(d: int) -> tuple[Any, Any]:
    """What puts diagonals and what is below them, column by column, into flat matrices."""
    columns, rows = np.triu_indices(d, 1)
    below = np.zeros((len(rows), d * d))
    below[np.arange(len(rows)), rows * d + columns] = 1.0
    diagonal = np.zeros((d, d * d))
    diagonal[np.arange(d), np.arange(d) * (d + 1)] = 1.0
    return diagonal, below


def _prior(k: int, d: int, m: Any, gamma: Any) -> float:
    """The terms of the log posterior in which no parameter is."""
    nu = d + m + 1
    return k * (nu * d * np.log(gamma / np.sqrt(2)) - gmm.log_gamma(nu / 2, d))


def mixture(alpha: Any, mu: Any, q: Any, lower: Any, x: Any, m: Any, gamma: Any) -> Any:
    """The log posterior without a write into an array."""
    n, d = x.shape
    k = alpha.shape[0]
    diagonal, below = _factors(d)
    factor = np.reshape(np.exp(q) @ diagonal + lower @ below, (k, d, d))
    z = np.einsum("kij,nkj->nki", factor, x[:, None, :] - mu)
    beta = alpha + np.sum(q, axis=1) - 0.5 * np.sum(z**2, axis=2)
    top, top_alpha = np.max(beta, axis=1), np.max(alpha)
    of_points = np.sum(top + np.log(np.sum(np.exp(beta - top[:, None]), axis=1)))
    of_weights = top_alpha + np.log(np.sum(np.exp(alpha - top_alpha)))
    penalty = gamma**2 / 2 * (np.sum(np.exp(2.0 * q)) + np.sum(lower**2)) - m * np.sum(q)
    return (
        of_points
        - n * (d / 2 * np.log(2 * np.pi) + of_weights)
        + _prior(k, d, m, gamma)
        - penalty
    )


def mixture_jax() -> Any:
    nn, jnp = jax().nn, jax().numpy

    def program(alpha: Any, mu: Any, q: Any, lower: Any, x: Any, m: int, gamma: float) -> Any:
        (n, d), k = x.shape, alpha.size
        columns, rows = np.triu_indices(d, 1)
        factor = jnp.zeros((k, d, d)).at[:, rows, columns].set(lower)
        factor = factor.at[:, np.arange(d), np.arange(d)].set(jnp.exp(q))
        z = jnp.einsum("kij,nkj->nki", factor, x[:, None, :] - mu)
        beta = alpha + jnp.sum(q, axis=1) - 0.5 * jnp.sum(z**2, axis=2)
        of_points = jnp.sum(nn.logsumexp(beta, axis=1))
        penalty = gamma**2 / 2 * (jnp.sum(jnp.exp(2.0 * q)) + jnp.sum(lower**2)) - m * jnp.sum(
            q
        )
        known = _prior(k, d, m, gamma) - n * d / 2 * np.log(2 * np.pi)
        return of_points - n * nn.logsumexp(alpha) - penalty + known

    return program


def mixture_torch() -> Any:
    t = torch()

    def program(alpha: Any, mu: Any, q: Any, lower: Any, x: Any, m: int, gamma: float) -> Any:
        (n, d), k = x.shape, alpha.shape[0]
        diagonal, below = (t.tensor(a) for a in _factors(d))
        factor = (t.exp(q) @ diagonal + lower @ below).reshape(k, d, d)
        z = t.einsum("kij,nkj->nki", factor, x[:, None, :] - mu)
        beta = alpha + q.sum(1) - 0.5 * (z**2).sum(2)
        of_points = t.logsumexp(beta, 1).sum()
        penalty = gamma**2 / 2 * (t.exp(2.0 * q).sum() + (lower**2).sum()) - m * q.sum()
        known = _prior(k, d, m, gamma) - n * d / 2 * np.log(2 * np.pi)
        return of_points - n * t.logsumexp(alpha, 0) - penalty + known

    return program


def points(n: int) -> tuple[Any, ...]:
    """25 components in ten dimensions, fewer of them for few points."""
    d, k = (10, 25) if n >= 100 else (3, 4)
    return (
        normal(1, k), normal(2, k, d), 0.1 * normal(3, k, d),
        0.1 * normal(4, k, d * (d - 1) // 2), normal(5, n, d), 0, 1.0,
    )  # fmt: skip


def _reprojection(j: Any) -> Any:
    """The error of one observation, for JAX."""
    jnp = j.numpy

    def error(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
        r, y = camera[0:3], point - camera[3:6]
        angle = jnp.sqrt(jnp.sum(r**2))
        axis = r / angle
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        seen = y * cos + jnp.cross(axis, y) * sin + axis * jnp.sum(axis * y) * (1 - cos)
        plane = seen[:2] / seen[2]
        square = jnp.sum(plane**2)
        distortion = 1 + camera[9] * square + camera[10] * square**2
        return weight * (camera[6] * distortion * plane + camera[7:9] - feature)

    return error


def adjustment_jax() -> Any:
    j = jax()
    errors = j.vmap(_reprojection(j))

    def program(
        cameras: Any, points: Any, weights: Any, features: Any, seen_by: Any, sees: Any
    ) -> Any:
        found = errors(cameras[seen_by], points[sees], weights, features)
        return found, 1 - weights**2

    return program


def adjustment_jacobian_jax() -> Any:
    j = jax()
    jnp = j.numpy
    blocks_of = j.vmap(j.jacrev(_reprojection(j), argnums=(0, 1, 2)))

    def program(
        cameras: Any, points: Any, weights: Any, features: Any, seen_by: Any, sees: Any
    ) -> Any:
        p = weights.size
        of_camera, of_point, of_weight = blocks_of(
            cameras[seen_by], points[sees], weights, features
        )
        blocks = jnp.concatenate([of_camera, of_point, of_weight[:, :, None]], axis=2)
        rows, columns = _pattern(len(cameras), len(points), p, seen_by, sees)
        return rows, columns, jnp.concatenate([blocks.ravel(), -2.0 * weights])

    return program


def _pattern(n: int, m: int, p: int, seen_by: Any, sees: Any) -> tuple[Any, Any]:
    """Where the Jacobian has entries: the offsets of rows, and columns."""
    columns = np.empty((p, 2, 15), int)
    columns[:, :, :11] = 11 * seen_by[:, None, None] + np.arange(11)
    columns[:, :, 11:14] = 11 * n + 3 * sees[:, None, None] + np.arange(3)
    columns[:, :, 14] = 11 * n + 3 * m + np.arange(p)[:, None]
    rows = np.concatenate([15 * np.arange(2 * p), 30 * p + np.arange(p + 1)])
    return rows, np.concatenate([columns.ravel(), columns[:, 0, 14]])


@loops
def adjustment_loops(
    cameras: Any, points: Any, weights: Any, features: Any, seen_by: Any, sees: Any
) -> Any:
    p = len(weights)
    errors, of_weights = np.empty((p, 2)), np.empty(p)
    for i in range(p):
        camera, point = cameras[seen_by[i]], points[sees[i]]
        y0, y1, y2 = point[0] - camera[3], point[1] - camera[4], point[2] - camera[5]
        angle = np.sqrt(camera[0] ** 2 + camera[1] ** 2 + camera[2] ** 2)
        a0, a1, a2 = camera[0] / angle, camera[1] / angle, camera[2] / angle
        cos, sin = np.cos(angle), np.sin(angle)
        along = (a0 * y0 + a1 * y1 + a2 * y2) * (1 - cos)
        s0 = y0 * cos + (a1 * y2 - a2 * y1) * sin + a0 * along
        s1 = y1 * cos + (a2 * y0 - a0 * y2) * sin + a1 * along
        s2 = y2 * cos + (a0 * y1 - a1 * y0) * sin + a2 * along
        u, v = s0 / s2, s1 / s2
        square = u * u + v * v
        scale = camera[6] * (1 + camera[9] * square + camera[10] * square * square)
        errors[i, 0] = weights[i] * (scale * u + camera[7] - features[i, 0])
        errors[i, 1] = weights[i] * (scale * v + camera[8] - features[i, 1])
        of_weights[i] = 1 - weights[i] ** 2
    return errors, of_weights


def observations(p: int) -> tuple[Any, ...]:
    """Cameras, points, weights, features, and who sees what."""
    rng = np.random.default_rng(1)
    n, m = 2 + p // 600, 3 + p // 4
    cameras = 0.1 * rng.normal(size=(n, 11))
    cameras[:, 5] -= 5.0  # the points are in front
    cameras[:, 6] += 1.0
    return (
        cameras, rng.normal(size=(m, 3)), rng.uniform(0.5, 1.5, size=p),
        rng.normal(size=(p, 2)), rng.integers(n, size=p), rng.integers(m, size=p),
    )  # fmt: skip


@loops
def language_model_loops(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
    length, bits = sequence.shape
    state = state.copy()
    v = np.empty(bits)
    total = 0.0
    for t in range(length - 1):
        for b in range(bits):
            v[b] = sequence[t, b] * extra[0, b]
        for i in range(0, len(state), 2):
            for b in range(bits):
                h = state[i, b]
                forget = 1 / (1 + np.exp(-(v[b] * main[i, b] + main[i + 1, b])))
                k = bits + b
                enter = 1 / (1 + np.exp(-(h * main[i, k] + main[i + 1, k])))
                k += bits
                leave = 1 / (1 + np.exp(-(v[b] * main[i, k] + main[i + 1, k])))
                k += bits
                change = np.tanh(h * main[i, k] + main[i + 1, k])
                state[i + 1, b] = state[i + 1, b] * forget + enter * change
                v[b] = state[i, b] = leave * np.tanh(state[i + 1, b])
        norm, said, count = 2.0, 0.0, 0.0
        for b in range(bits):
            y = v[b] * extra[1, b] + extra[2, b]
            norm += np.exp(y)
            said += sequence[t + 1, b] * y
            count += sequence[t + 1, b]
        total += said - count * np.log(norm)
    return -total / (bits * (length - 1))


def language_model_jax() -> Any:
    lax, jnp, nn = jax().lax, jax().numpy, jax().nn

    def program(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        length, bits = sequence.shape
        layers = state.shape[0] // 2
        weight = main[0::2].reshape(layers, 4, bits)
        bias = main[1::2].reshape(layers, 4, bits)

        def step(carry: Any, now: Any) -> Any:
            h, c = carry
            x, wanted = now
            v, hs, cs = x * extra[0], [], []
            for k in range(layers):
                forget = nn.sigmoid(v * weight[k, 0] + bias[k, 0])
                enter = nn.sigmoid(h[k] * weight[k, 1] + bias[k, 1])
                leave = nn.sigmoid(v * weight[k, 2] + bias[k, 2])
                change = jnp.tanh(h[k] * weight[k, 3] + bias[k, 3])
                cs.append(c[k] * forget + enter * change)
                v = leave * jnp.tanh(cs[-1])
                hs.append(v)
            y = v * extra[1] + extra[2]
            said = jnp.sum(wanted * (y - jnp.log(2 + jnp.sum(jnp.exp(y)))))
            return (jnp.stack(hs), jnp.stack(cs)), said

        start = (state[0::2], state[1::2])
        said = lax.scan(step, start, (sequence[:-1], sequence[1:]))[1]
        return -jnp.sum(said) / (bits * (length - 1))

    return program


def language_model_torch() -> Any:
    t = torch()

    def program(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        length, bits = sequence.shape
        layers = len(state) // 2
        weight, bias = main[0::2].reshape(layers, 4, bits), main[1::2].reshape(layers, 4, bits)
        h, c = list(state[0::2]), list(state[1::2])
        outputs = []
        for x in sequence[:-1] * extra[0]:
            v = x
            for k in range(layers):
                forget = t.sigmoid(v * weight[k, 0] + bias[k, 0])
                enter = t.sigmoid(h[k] * weight[k, 1] + bias[k, 1])
                leave = t.sigmoid(v * weight[k, 2] + bias[k, 2])
                change = t.tanh(h[k] * weight[k, 3] + bias[k, 3])
                c[k] = c[k] * forget + enter * change
                h[k] = v = leave * t.tanh(c[k])
            outputs.append(v)
        y = t.stack(outputs) * extra[1] + extra[2]
        said = y - t.log(2 + t.exp(y).sum(1, keepdim=True))
        return -(sequence[1:] * said).sum() / (bits * (length - 1))

    return program


def text(n: int) -> tuple[Any, ...]:
    """Two layers over `n` characters of 14 bits."""
    sequence = np.random.default_rng(4).integers(2, size=(n, 14)).astype(float)
    return 0.5 * normal(1, 4, 56), 0.5 * normal(2, 3, 14), 0.1 * normal(3, 4, 14), sequence


# the Jacobian in row-compressed form: offsets of rows, columns, values
JACOBIAN = Derivative(
    "jacobian",
    0,
    lambda workload, backend: stagec.jit(ba.jacobian, backend=backend),
    adjustment_jacobian_jax,
)
WITHIN = {"derivative / forward": 3.0}
MIXTURE = Workload(
    name="mixture",
    program=gmm.objective,
    data=points,
    sizes=(30, 1_000, 10_000),
    wrt=(0, 1, 2, 3),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.mixture_loops, by_hand.mixture_gradient_loops),
    jax=mixture_jax,
    torch=mixture_torch,
    autograd=with_autograd(mixture),
    faster_than={"jax derivative": 5.0, "torch derivative": 5.0, "autograd derivative": 5.0},
    within=WITHIN,
)
ADJUSTMENT = Workload(
    name="adjustment",
    program=ba.objective,
    data=observations,
    sizes=(20, 2_000, 30_000),
    wrt=(0, 1, 2),
    derivative=JACOBIAN,
    numba=Handwritten(adjustment_loops, by_hand.adjustment_jacobian_loops),
    jax=adjustment_jax,
    torch=None,
    autograd=None,
    faster_than={"jax derivative": 5.0},
    within=WITHIN,
)
LANGUAGE_MODEL = Workload(
    name="language_model",
    program=lstm.objective,
    data=text,
    sizes=(8, 128, 1_024),
    wrt=(0, 1),
    derivative=GRADIENT,
    numba=Handwritten(language_model_loops, None),
    jax=language_model_jax,
    torch=language_model_torch,
    autograd=None,
    faster_than={"jax derivative": 3.0},
    within=WITHIN,
)
