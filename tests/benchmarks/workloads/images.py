"""A convolutional net of LeNet's kind, every layer written as loops."""

from __future__ import annotations

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
)


def convolve(x: Any, w: Any, b: Any) -> Any:
    """Valid correlation: x[image, channel, row, column], w[out, channel, row, column]."""
    images, channels, rows, columns = x.shape
    filters, _, height, width = w.shape
    out = np.zeros((images, filters, rows - height + 1, columns - width + 1), dtype=x.dtype)
    for n in range(images):
        for f in range(filters):
            for i in range(rows - height + 1):
                for j in range(columns - width + 1):
                    t = b[f]
                    for c in range(channels):
                        for k in range(height):
                            for m in range(width):
                                t += x[n, c, i + k, j + m] * w[f, c, k, m]
                    out[n, f, i, j] = max(t, 0.0)
    return out


def pool(x: Any) -> Any:
    """The largest of each two by two."""
    images, channels, rows, columns = x.shape
    out = np.zeros((images, channels, rows // 2, columns // 2), dtype=x.dtype)
    for n in range(images):
        for c in range(channels):
            for i in range(rows // 2):
                for j in range(columns // 2):
                    out[n, c, i, j] = max(
                        x[n, c, 2 * i, 2 * j], x[n, c, 2 * i, 2 * j + 1],
                        x[n, c, 2 * i + 1, 2 * j], x[n, c, 2 * i + 1, 2 * j + 1],
                    )  # fmt: skip
    return out


def lenet(w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, labels: Any) -> Any:
    h = pool(convolve(x, w1, b1))
    h = pool(convolve(h, w2, b2))
    scores = h.reshape(len(h), -1) @ w3 + b3
    scores = scores - np.max(scores, axis=1, keepdims=True)
    loss = 0.0
    for n in range(len(h)):
        loss += np.log(np.sum(np.exp(scores[n]))) - scores[n, labels[n]]
    return loss / len(h)


_convolve_loops, _pool_loops = loops(convolve), loops(pool)


@loops
def lenet_loops(
    w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, labels: Any
) -> Any:
    h = _pool_loops(_convolve_loops(x, w1, b1))
    h = _pool_loops(_convolve_loops(h, w2, b2))
    flat = h.reshape(h.shape[0], h.shape[1] * h.shape[2] * h.shape[3])
    loss = 0.0
    score = np.empty(b3.size)
    for n in range(len(h)):
        for c in range(b3.size):
            score[c] = b3[c]
        for k in range(flat.shape[1]):
            for c in range(b3.size):
                score[c] += flat[n, k] * w3[k, c]
        top = score.max()
        norm = 0.0
        for c in range(b3.size):
            norm += np.exp(score[c] - top)
        loss += np.log(norm) + top - score[labels[n]]
    return loss / len(h)


def lenet_jax() -> Any:
    lax, jnp, nn = jax().lax, jax().numpy, jax().nn

    def layer(x: Any, w: Any, b: Any) -> Any:
        x = lax.conv_general_dilated(x, w, (1, 1), "VALID") + b[:, None, None]
        n, c, i, j = x.shape
        return nn.relu(x).reshape(n, c, i // 2, 2, j // 2, 2).max(axis=(3, 5))

    def program(
        w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, labels: Any
    ) -> Any:
        h = layer(layer(x, w1, b1), w2, b2)
        scores = nn.log_softmax(h.reshape(h.shape[0], -1) @ w3 + b3)
        return -jnp.mean(scores[jnp.arange(labels.size), labels])

    return program


def lenet_torch() -> Any:
    f = torch().nn.functional

    def program(
        w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, labels: Any
    ) -> Any:
        h = f.max_pool2d(f.relu(f.conv2d(x, w1, b1)), 2)
        h = f.max_pool2d(f.relu(f.conv2d(h, w2, b2)), 2)
        return f.cross_entropy(h.flatten(1) @ w3 + b3, labels)

    return program


def images(n: int) -> tuple[Any, ...]:
    """Parameters, `n` images, their classes; all in single precision.

    A few images are small ones, because tests run them through uncompiled loops.
    """
    side = 28 if n > 4 else 16
    features = 16 * ((side - 4) // 2 // 2 - 2) ** 2
    made = (
        normal(1, 6, 1, 5, 5) / 5.0, 0.1 * normal(2, 6), normal(3, 16, 6, 5, 5) / 12.0,
        0.1 * normal(4, 16), normal(5, features, 10) / 16.0, 0.1 * normal(6, 10),
        normal(7, n, 1, side, side),
    )  # fmt: skip
    labels = np.random.default_rng(8).integers(10, size=n)
    return (*(a.astype(np.float32) for a in made), labels)


LENET = Workload(
    name="lenet",
    program=lenet,
    data=images,
    sizes=(2, 8, 32),
    wrt=(0, 1, 2, 3, 4, 5),
    derivative=GRADIENT,
    numba=Handwritten(lenet_loops, None),
    jax=lenet_jax,
    torch=lenet_torch,
    autograd=None,
    faster_than={"jax derivative": 1.0, "torch derivative": 1.0},
    within={},
)
