"""Indirect access and dynamic programming: CSR, histogram, time warping, HMM, alignment."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.workload import (
    GRADIENT,
    PULLBACK,
    Handwritten,
    Workload,
    jax,
    loops,
    normal,
)
from tests.benchmarks.workloads import sparse_dp_by_hand as by_hand


def csr_product(values: Any, columns: Any, starts: Any, x: Any) -> Any:
    """A sparse matrix times a vector."""
    rows = len(starts) - 1
    y = np.zeros(rows)
    for i in range(rows):
        for k in range(starts[i], starts[i + 1]):
            y[i] += values[k] * x[columns[k]]
    return y


def csr_product_jax() -> Any:
    jnp, segment_sum = jax().numpy, jax().ops.segment_sum

    def program(values: Any, columns: Any, starts: Any, x: Any) -> Any:
        count = starts.size - 1
        rows = np.repeat(np.arange(count), np.diff(starts))
        products = values * jnp.asarray(x)[columns]
        return segment_sum(products, rows, count, indices_are_sorted=True)

    return program


def histogram(x: Any, weight: Any, bins: Any) -> Any:
    """Weights shared between the two nearest of the bins, linearly; x is in [0, 1)."""
    h = np.zeros(bins)
    for i in range(len(x)):
        place = x[i] * (bins - 1)
        k = int(place)
        right = place - k
        h[k] += weight[i] * (1.0 - right)
        h[k + 1] += weight[i] * right
    return h


def histogram_jax() -> Any:
    jnp = jax().numpy

    def program(x: Any, weight: Any, bins: int) -> Any:
        place = x * (bins - 1)
        k = place.astype(int)
        right = place - k
        h = jnp.zeros(bins).at[k].add(weight * (1.0 - right))
        return h.at[k + 1].add(weight * right)

    return program


def time_warping(a: Any, b: Any) -> Any:
    """The cost of the best monotone matching of two sequences."""
    n, m = len(a), len(b)
    cost = np.full((n + 1, m + 1), np.inf)
    cost[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            best = min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
            cost[i, j] = (a[i - 1] - b[j - 1]) ** 2 + best
    return cost[n, m]


def time_warping_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy
    far = 1e30

    def program(a: Any, b: Any) -> Any:
        n, m = a.size, b.size
        rows = jnp.arange(n)

        def diagonal(last: Any, k: Any) -> Any:
            one, two = last  # the two diagonals before, by row
            j = k - rows
            d = (a - b[jnp.clip(j, 0, m - 1)]) ** 2
            corner = jnp.concatenate([jnp.where(k == 0, 0.0, far)[None], two[:-1]])
            up = jnp.concatenate([jnp.full(1, far), one[:-1]])
            best = jnp.minimum(jnp.minimum(up, one), corner)
            new = jnp.where((j >= 0) & (j < m), d + best, far)
            return (new, one), None

        start = (jnp.full(n, far), jnp.full(n, far))
        (last, _), _ = scan(diagonal, start, jnp.arange(n + m - 1))
        return last[n - 1]

    return program


def hidden_markov(start: Any, transition: Any, emission: Any, observed: Any) -> Any:
    """The log-likelihood of observations by the scaled forward recursion."""
    alpha = start * emission[:, observed[0]]
    total = np.sum(alpha)
    likelihood = np.log(total)
    alpha = alpha / total
    for t in range(1, len(observed)):
        alpha = (alpha @ transition) * emission[:, observed[t]]
        total = np.sum(alpha)
        likelihood += np.log(total)
        alpha = alpha / total
    return likelihood


def hidden_markov_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def program(start: Any, transition: Any, emission: Any, observed: Any) -> Any:
        seen = emission.T[observed]

        def step(alpha: Any, seen: Any) -> Any:
            alpha = (alpha @ transition) * seen
            total = jnp.sum(alpha)
            return alpha / total, jnp.log(total)

        alpha = start * seen[0]
        total = jnp.sum(alpha)
        return jnp.log(total) + jnp.sum(scan(step, alpha / total, seen[1:])[1])

    return program


def alignment(score: Any, gap: Any, a: Any, b: Any) -> Any:
    """The score of the best local alignment of two sequences of letters."""
    n, m = len(a), len(b)
    h = np.zeros((n + 1, m + 1))
    best = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            h[i, j] = max(
                0.0,
                h[i - 1, j - 1] + score[a[i - 1], b[j - 1]],
                h[i - 1, j] - gap,
                h[i, j - 1] - gap,
            )
            best = max(best, h[i, j])
    return best


def alignment_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def program(score: Any, gap: Any, a: Any, b: Any) -> Any:
        n, m = a.size, b.size
        rows, edge = jnp.arange(n), jnp.zeros(1)
        letters_a, letters_b = jnp.asarray(a), jnp.asarray(b)

        def diagonal(last: Any, k: Any) -> Any:
            one, two, best = last
            j = k - rows
            s = score[letters_a, letters_b[jnp.clip(j, 0, m - 1)]]
            corner = jnp.concatenate([edge, two[:-1]])
            up = jnp.concatenate([edge, one[:-1]])
            step = jnp.maximum(corner + s, jnp.maximum(up, one) - gap)
            new = jnp.where((j >= 0) & (j < m), jnp.maximum(step, 0.0), 0.0)
            return (new, one, jnp.maximum(best, jnp.max(new))), None

        still = (jnp.zeros(n), jnp.zeros(n), 0.0)
        return scan(diagonal, still, jnp.arange(n + m - 1))[0][2]

    return program


def sparse(n: int) -> tuple[Any, ...]:
    """About ten entries a row, a vector, a cotangent."""
    rng = np.random.default_rng(1)
    starts = np.concatenate([[0], np.cumsum(rng.integers(5, 16, size=n))])
    count = int(starts[-1])
    return (
        rng.normal(size=count),
        rng.integers(n, size=count),
        starts,
        normal(2, n),
        normal(3, n),
    )


def points(n: int) -> tuple[Any, ...]:
    """Places in [0, 1), weights, bins, a cotangent."""
    rng = np.random.default_rng(1)
    return rng.uniform(size=n), rng.uniform(size=n), 64, normal(2, 64)


def chain(n: int) -> tuple[Any, ...]:
    """Ten states, eight letters, `n` observations."""
    rng = np.random.default_rng(1)
    start, transition, emission = (
        rng.uniform(0.1, 1.0, size=shape) for shape in ((10,), (10, 10), (10, 8))
    )
    return (
        start / start.sum(),
        transition / transition.sum(axis=1, keepdims=True),
        emission / emission.sum(axis=1, keepdims=True),
        rng.integers(8, size=n),
    )


def letters(n: int) -> tuple[Any, ...]:
    """Scores of four letters, the price of a gap, two sequences."""
    rng = np.random.default_rng(1)
    score = rng.normal(size=(4, 4)) * 0.3 - 0.5 + 2.0 * np.eye(4)
    return score, 0.7, rng.integers(4, size=n), rng.integers(4, size=n + 3)


FASTER = {"jax derivative": 5.0}
WITHIN = {"derivative / numba derivative": 1.3}
CSR_PRODUCT = Workload(
    name="csr_product",
    program=csr_product,
    data=sparse,
    sizes=(20, 2_000, 100_000),
    wrt=(0, 3),
    derivative=PULLBACK,
    numba=Handwritten(by_hand.csr_product_loops, by_hand.csr_product_pullback),
    jax=csr_product_jax,
    torch=None,
    autograd=None,
    faster_than=FASTER,
    within=WITHIN,
)
HISTOGRAM = Workload(
    name="histogram",
    program=histogram,
    data=points,
    sizes=(50, 10_000, 1_000_000),
    wrt=(0, 1),
    derivative=PULLBACK,
    numba=Handwritten(loops(histogram), by_hand.histogram_pullback),
    jax=histogram_jax,
    torch=None,
    autograd=None,
    faster_than=FASTER,
    within=WITHIN,
)
TIME_WARPING = Workload(
    name="time_warping",
    program=time_warping,
    data=lambda n: (normal(1, n), normal(2, n + 2)),
    sizes=(10, 100, 600),
    wrt=(0, 1),
    derivative=GRADIENT,
    numba=Handwritten(loops(time_warping), by_hand.time_warping_gradient),
    jax=time_warping_jax,
    torch=None,
    autograd=None,
    faster_than=FASTER,
    within=WITHIN,
)
HIDDEN_MARKOV = Workload(
    name="hidden_markov",
    program=hidden_markov,
    data=chain,
    sizes=(20, 500, 10_000),
    wrt=(0, 1, 2),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.hidden_markov_loops, by_hand.hidden_markov_gradient),
    jax=hidden_markov_jax,
    torch=None,
    autograd=None,
    faster_than=FASTER,
    within=WITHIN,
)
ALIGNMENT = Workload(
    name="alignment",
    program=alignment,
    data=letters,
    sizes=(10, 100, 600),
    wrt=(0, 1),
    derivative=GRADIENT,
    numba=Handwritten(loops(alignment), by_hand.alignment_gradient),
    jax=alignment_jax,
    torch=None,
    autograd=None,
    faster_than=FASTER,
    within=WITHIN,
)
