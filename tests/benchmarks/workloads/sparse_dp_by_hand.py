"""The programs of `sparse_dp` and their derivatives as loops by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.workload import loops


@loops
def csr_product_loops(values: Any, columns: Any, starts: Any, x: Any) -> Any:
    rows = len(starts) - 1
    y = np.empty(rows)
    for i in range(rows):
        t = 0.0
        for k in range(starts[i], starts[i + 1]):
            t += values[k] * x[columns[k]]
        y[i] = t
    return y


@loops
def csr_product_pullback(values: Any, columns: Any, starts: Any, x: Any, ct: Any) -> Any:
    y = csr_product_loops(values, columns, starts, x)
    values_bar, x_bar = np.empty_like(values), np.zeros_like(x)
    for i in range(len(starts) - 1):
        for k in range(starts[i], starts[i + 1]):
            values_bar[k] = ct[i] * x[columns[k]]
            x_bar[columns[k]] += ct[i] * values[k]
    return y, values_bar, x_bar


@loops
def histogram_pullback(x: Any, weight: Any, bins: Any, ct: Any) -> Any:
    h = np.zeros(bins)
    x_bar, weight_bar = np.empty_like(x), np.empty_like(weight)
    for i in range(len(x)):
        place = x[i] * (bins - 1)
        k = int(place)
        right = place - k
        h[k] += weight[i] * (1.0 - right)
        h[k + 1] += weight[i] * right
        weight_bar[i] = ct[k] * (1.0 - right) + ct[k + 1] * right
        x_bar[i] = weight[i] * (ct[k + 1] - ct[k]) * (bins - 1)
    return h, x_bar, weight_bar


@loops
def time_warping_gradient(a: Any, b: Any) -> Any:
    n, m = len(a), len(b)
    cost = np.full((n + 1, m + 1), np.inf)
    cost[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            best = min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
            cost[i, j] = (a[i - 1] - b[j - 1]) ** 2 + best
    a_bar, b_bar = np.zeros(n), np.zeros(m)
    i, j = n, m
    while i > 0:  # along the best path, which is all that a minimum lets through
        t = 2.0 * (a[i - 1] - b[j - 1])
        a_bar[i - 1] += t
        b_bar[j - 1] -= t
        up, left, corner = cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1]
        if corner <= up and corner <= left:
            i, j = i - 1, j - 1
        elif up <= left:
            i -= 1
        else:
            j -= 1
    return cost[n, m], a_bar, b_bar


@loops
def hidden_markov_loops(start: Any, transition: Any, emission: Any, observed: Any) -> Any:
    n = start.size
    alpha, new = start.copy(), np.empty(n)
    likelihood = 0.0
    for t in range(len(observed)):
        if t > 0:
            new[:] = 0.0
            for i in range(n):
                for j in range(n):
                    new[j] += alpha[i] * transition[i, j]
            alpha, new = new, alpha
        total = 0.0
        for j in range(n):
            alpha[j] *= emission[j, observed[t]]
            total += alpha[j]
        likelihood += np.log(total)
        scale = 1.0 / total
        for j in range(n):
            alpha[j] *= scale
    return likelihood


@loops
def hidden_markov_gradient(start: Any, transition: Any, emission: Any, observed: Any) -> Any:
    """The forward-backward algorithm.

    Reference: Rabiner (1989), A tutorial on hidden Markov models, section V.A.
    """
    n, steps = start.size, len(observed)
    alphas, scales = np.zeros((steps, n)), np.empty(steps)
    likelihood = 0.0
    for t in range(steps):
        alpha, total = alphas[t], 0.0
        for i in range(n):
            for j in range(n if t else 0):
                alpha[j] += alphas[t - 1, i] * transition[i, j]
        for j in range(n):
            alpha[j] = (alpha[j] if t else start[j]) * emission[j, observed[t]]
            total += alpha[j]
        likelihood += np.log(total)
        scales[t] = 1.0 / total
        for j in range(n):
            alpha[j] *= scales[t]
    transition_bar, emission_bar = np.zeros_like(transition), np.zeros_like(emission)
    beta, weight = np.ones(n), np.empty(n)
    for t in range(steps - 1, -1, -1):
        seen = observed[t]
        for j in range(n):
            weight[j] = emission[j, seen] * beta[j] * scales[t]
            emission_bar[j, seen] += alphas[t, j] * beta[j] / emission[j, seen]
        for i in range(n if t else 0):
            beta[i] = 0.0
            for j in range(n):
                beta[i] += transition[i, j] * weight[j]
                transition_bar[i, j] += alphas[t - 1, i] * weight[j]
    return likelihood, weight, transition_bar, emission_bar


@loops
def alignment_gradient(score: Any, gap: Any, a: Any, b: Any) -> Any:
    n, m = len(a), len(b)
    h = np.zeros((n + 1, m + 1))
    best, i_best, j_best = 0.0, 0, 0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            h[i, j] = max(
                0.0,
                h[i - 1, j - 1] + score[a[i - 1], b[j - 1]],
                h[i - 1, j] - gap,
                h[i, j - 1] - gap,
            )
            if h[i, j] > best:
                best, i_best, j_best = h[i, j], i, j
    score_bar, gap_bar = np.zeros_like(score), 0.0
    i, j = i_best, j_best
    while h[i, j] > 0.0:
        if h[i, j] == h[i - 1, j] - gap:
            gap_bar -= 1.0
            i -= 1
        elif h[i, j] == h[i, j - 1] - gap:
            gap_bar -= 1.0
            j -= 1
        else:
            score_bar[a[i - 1], b[j - 1]] += 1.0
            i, j = i - 1, j - 1
    return best, score_bar, gap_bar
