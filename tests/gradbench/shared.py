"""What the programs of JAX and PyTorch share: `m` is their module of array functions."""

from __future__ import annotations

import math
from typing import Any


def log_sum_exp(m: Any, x: Any) -> Any:
    largest = m.amax(x, -1)
    return largest + m.log(m.sum(m.exp(x - largest[..., None]), -1))


def gmm_constant(d: int, k: int, n: int, mass: int, gamma: float) -> float:
    nu = d + mass + 1
    log_gamma = d * (d - 1) / 4 * math.log(math.pi)
    log_gamma += sum(math.lgamma(nu / 2 + (1 - j) / 2) for j in range(1, d + 1))
    scale = nu * d * math.log(gamma / math.sqrt(2))
    return k * (scale - log_gamma) - n * d / 2 * math.log(2 * math.pi)


def gmm(m: Any, parts: Any, x: Any, mass: int, gamma: float, place: Any) -> Any:
    alpha, mu, q, lower = parts
    (n, d), k = x.shape, len(alpha)
    z = m.einsum("kij,nkj->nki", place(q, lower), x[:, None] - mu)
    beta = alpha + m.sum(q, 1) - 0.5 * m.sum(z**2, -1)
    prior = mass * m.sum(q) - gamma**2 / 2 * (m.sum(m.exp(q) ** 2) + m.sum(lower**2))
    likelihood = m.sum(log_sum_exp(m, beta)) - n * log_sum_exp(m, alpha)
    return likelihood + prior + gmm_constant(d, k, n, mass, gamma)


def below(d: int) -> tuple[list[int], list[int]]:
    """The places of the entries below the diagonal, column by column."""
    places = [(i, j) for j in range(d) for i in range(j + 1, d)]
    return [i for i, _ in places], [j for _, j in places]


def kmeans(m: Any, centroids: Any, points: Any) -> Any:
    return m.sum(m.amin(m.sum((points[:, None] - centroids) ** 2, -1), 1))


def lstm_step(m: Any, sigmoid: Any, main: Any, extra: Any, state: Any, v: Any) -> Any:
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
