"""Losses of models: lines, a toy classifier, logistic regression, an MLP, an LSTM."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tests.benchmarks.workload import (
    GRADIENT,
    Handwritten,
    Workload,
    jax,
    loops,
    normal,
    torch,
    with_autograd,
    with_jax,
)


def linear_regression(slope: Any, offset: Any, width: Any, length: Any) -> Any:
    error = slope * width + offset - length
    return np.mean(error**2)


@loops
def linear_regression_loops(slope: Any, offset: Any, width: Any, length: Any) -> Any:
    total = 0.0
    for i in range(width.size):
        total += (slope * width[i] + offset - length[i]) ** 2
    return total / width.size


@loops
def linear_regression_gradient(slope: Any, offset: Any, width: Any, length: Any) -> Any:
    total, slope_bar, offset_bar = 0.0, 0.0, 0.0
    for i in range(width.size):
        error = slope * width[i] + offset - length[i]
        total += error * error
        slope_bar += error * width[i]
        offset_bar += error
    n = width.size
    return total / n, 2.0 * slope_bar / n, 2.0 * offset_bar / n


def linear_regression_torch() -> Any:
    return lambda slope, offset, width, length: ((slope * width + offset - length) ** 2).mean()


def sigmoid(t: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-t))


def log_softmax(t: Any) -> Any:
    t = t - np.max(t, axis=1, keepdims=True)
    return t - np.log(np.sum(np.exp(t), axis=1, keepdims=True))


def toy_classifier(w1: Any, b1: Any, w2: Any, b2: Any, xs: Any, labels: Any) -> Any:
    """The mean negative log-likelihood of the right classes."""
    scores = log_softmax(sigmoid(xs @ w1 + b1) @ w2 + b2)
    return -np.mean(scores[np.arange(len(labels)), labels])


@loops
def toy_classifier_loops(w1: Any, b1: Any, w2: Any, b2: Any, xs: Any, labels: Any) -> Any:
    total = 0.0
    hidden, score = np.empty(b1.size), np.empty(b2.size)
    for i in range(len(labels)):
        for h in range(b1.size):
            t = b1[h]
            for k in range(xs.shape[1]):
                t += xs[i, k] * w1[k, h]
            hidden[h] = 1.0 / (1.0 + np.exp(-t))
        top = -np.inf
        for c in range(b2.size):
            t = b2[c]
            for h in range(b1.size):
                t += hidden[h] * w2[h, c]
            score[c] = t
            top = max(top, t)
        norm = 0.0
        for c in range(b2.size):
            norm += np.exp(score[c] - top)
        total -= score[labels[i]] - top - np.log(norm)
    return total / len(labels)


def toy_classifier_torch() -> Any:
    t = torch()

    def program(w1: Any, b1: Any, w2: Any, b2: Any, xs: Any, labels: Any) -> Any:
        scores = t.sigmoid(xs @ w1 + b1) @ w2 + b2
        return t.nn.functional.cross_entropy(scores, labels)

    return program


def logistic_regression(w: Any, b: Any, x: Any, y: Any) -> Any:
    """The mean loss; the classes are -1 and 1."""
    return np.mean(np.log1p(np.exp(-y * (x @ w + b))))


@loops
def logistic_regression_loops(w: Any, b: Any, x: Any, y: Any) -> Any:
    total = 0.0
    for i in range(y.size):
        t = b
        for k in range(w.size):
            t += x[i, k] * w[k]
        total += np.log1p(np.exp(-y[i] * t))
    return total / y.size


@loops
def logistic_regression_gradient(w: Any, b: Any, x: Any, y: Any) -> Any:
    total, b_bar = 0.0, 0.0
    w_bar = np.zeros_like(w)
    for i in range(y.size):
        t = b
        for k in range(w.size):
            t += x[i, k] * w[k]
        e = np.exp(-y[i] * t)
        total += np.log1p(e)
        s = -y[i] * e / (1.0 + e)
        b_bar += s
        for k in range(w.size):
            w_bar[k] += s * x[i, k]
    return total / y.size, w_bar / y.size, b_bar / y.size


def logistic_regression_torch() -> Any:
    t = torch()
    return lambda w, b, x, y: t.nn.functional.softplus(-y * (x @ w + b)).mean()


def mlp(w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, wanted: Any) -> Any:
    """Two hidden layers; `wanted` has a one at the right class of each row."""
    h = np.maximum(x @ w1 + b1, 0.0)
    h = np.maximum(h @ w2 + b2, 0.0)
    scores = log_softmax(h @ w3 + b3)
    return -np.mean(np.sum(scores * wanted, axis=1))


def mlp_torch() -> Any:
    t = torch()

    def program(
        w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, wanted: Any
    ) -> Any:
        h = t.relu(t.addmm(b1, x, w1))
        h = t.relu(t.addmm(b2, h, w2))
        return t.nn.functional.cross_entropy(t.addmm(b3, h, w3), wanted)

    return program


def lstm(w: Any, b: Any, out: Any, xs: Any, wanted: Any) -> Any:
    """A layer of LSTM over time, and the squared error of what it says at each step."""
    size = len(b) // 4
    h = np.zeros((xs.shape[1], size), dtype=xs.dtype)
    c = np.zeros((xs.shape[1], size), dtype=xs.dtype)
    loss = 0.0
    for t in range(len(xs)):
        gates = np.concatenate((xs[t], h), axis=1) @ w + b
        forget = sigmoid(gates[:, :size])
        enter = sigmoid(gates[:, size : 2 * size])
        leave = sigmoid(gates[:, 2 * size : 3 * size])
        c = forget * c + enter * np.tanh(gates[:, 3 * size :])
        h = leave * np.tanh(c)
        loss += np.mean((h @ out - wanted[t]) ** 2)
    return loss


def lstm_jax() -> Any:
    lax, jnp, nn = jax().lax, jax().numpy, jax().nn

    def program(w: Any, b: Any, out: Any, xs: Any, wanted: Any) -> Any:
        size = b.size // 4

        def step(state: Any, now: Any) -> Any:
            h, c = state
            x, right = now
            gates = jnp.concatenate((x, h), axis=1) @ w + b
            forget, enter, leave = (
                nn.sigmoid(gates[:, k * size : (k + 1) * size]) for k in range(3)
            )
            c = forget * c + enter * jnp.tanh(gates[:, 3 * size :])
            h = leave * jnp.tanh(c)
            return (h, c), jnp.mean((h @ out - right) ** 2)

        still = jnp.zeros((xs.shape[1], size), dtype=xs.dtype)
        return jnp.sum(lax.scan(step, (still, still), (xs, wanted))[1])

    return program


def lstm_torch() -> Any:
    t = torch()

    def program(w: Any, b: Any, out: Any, xs: Any, wanted: Any) -> Any:
        size = len(b) // 4
        h = t.zeros((xs.shape[1], size), dtype=xs.dtype)
        c = t.zeros((xs.shape[1], size), dtype=xs.dtype)
        said = []
        for x in xs:
            gates = t.addmm(b, t.cat((x, h), dim=1), w)
            forget, enter, leave = t.sigmoid(gates[:, : 3 * size]).chunk(3, dim=1)
            c = forget * c + enter * t.tanh(gates[:, 3 * size :])
            h = leave * t.tanh(c)
            said.append(h)
        return ((t.stack(said) @ out - wanted) ** 2).mean(dim=(1, 2)).sum()

    return program


def arms(n: int) -> tuple[Any, ...]:
    """Parameters, points of the plane in three classes, the classes."""
    rng = np.random.default_rng(3)
    labels = rng.integers(3, size=n)
    angle = labels * 2.0 * np.pi / 3.0 + rng.normal(scale=0.3, size=n)
    xs = rng.uniform(1.0, 3.0, size=(n, 1)) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return normal(1, 2, 16), np.zeros(16), 0.1 * normal(2, 16, 3), np.zeros(3), xs, labels


def samples(n: int) -> tuple[Any, ...]:
    """Weights, an offset, samples of 50 numbers, their classes."""
    x = normal(1, n, 50)
    return 0.1 * normal(2, 50), 0.1, x, np.sign(x @ normal(3, 50) + 0.5 * normal(4, n))


def digits(n: int) -> tuple[Any, ...]:
    """Parameters, images, and their classes as rows with one 1, in single precision."""
    sizes = (784, 256, 128, 10)
    parameters: list[Any] = []
    for k, (m, p) in enumerate(itertools.pairwise(sizes)):
        parameters += [normal(k, m, p) / np.sqrt(m), 0.1 * normal(10 + k, p)]
    wanted = np.eye(10)[np.random.default_rng(5).integers(10, size=n)]
    return tuple(a.astype(np.float32) for a in (*parameters, normal(6, n, 784), wanted))


def series(n: int) -> tuple[Any, ...]:
    """Parameters and 50 steps of `n` series in single precision."""
    w = normal(1, 128, 256) / np.sqrt(128.0)
    made = (w, 0.1 * normal(2, 256), 0.1 * normal(3, 64, 10), normal(4, 50, n, 64),
            normal(5, 50, n, 10))  # fmt: skip
    return tuple(a.astype(np.float32) for a in made)


NOT_SLOWER = {"jax derivative": 1.0, "torch derivative": 1.0}
FASTER = {"jax derivative": 1.5, "torch derivative": 1.5}
LINEAR_REGRESSION = Workload(
    name="linear_regression",
    program=linear_regression,
    data=lambda n: (0.1, 0.2, normal(1, n), normal(2, n)),
    sizes=(200, 10_000, 1_000_000),
    wrt=(0, 1),
    derivative=GRADIENT,
    numba=Handwritten(linear_regression_loops, linear_regression_gradient),
    jax=with_jax(linear_regression),
    torch=linear_regression_torch,
    autograd=with_autograd(linear_regression),
    faster_than=FASTER,
    within={},
)
TOY_CLASSIFIER = Workload(
    name="toy_classifier",
    program=toy_classifier,
    data=arms,
    sizes=(20, 100, 1_000),
    wrt=(0, 1, 2, 3),
    derivative=GRADIENT,
    numba=Handwritten(toy_classifier_loops, None),
    jax=with_jax(toy_classifier),
    torch=toy_classifier_torch,
    autograd=with_autograd(toy_classifier),
    faster_than=FASTER,
    within={},
)
LOGISTIC_REGRESSION = Workload(
    name="logistic_regression",
    program=logistic_regression,
    data=samples,
    sizes=(50, 1_000, 20_000),
    wrt=(0, 1),
    derivative=GRADIENT,
    numba=Handwritten(logistic_regression_loops, logistic_regression_gradient),
    jax=with_jax(logistic_regression),
    torch=logistic_regression_torch,
    autograd=with_autograd(logistic_regression),
    faster_than=FASTER,
    within={},
)
MLP = Workload(
    name="mlp",
    program=mlp,
    data=digits,
    sizes=(8, 32, 128),
    wrt=(0, 1, 2, 3, 4, 5),
    derivative=GRADIENT,
    numba=Handwritten(None, None),
    jax=with_jax(mlp),
    torch=mlp_torch,
    autograd=with_autograd(mlp),
    faster_than=NOT_SLOWER,
    within={},
)
LSTM = Workload(
    name="lstm",
    program=lstm,
    data=series,
    sizes=(2, 8, 32),
    wrt=(0, 1, 2),
    derivative=GRADIENT,
    numba=Handwritten(None, None),
    jax=lstm_jax,
    torch=lstm_torch,
    autograd=with_autograd(lstm),
    faster_than=NOT_SLOWER,
    within={},
)
