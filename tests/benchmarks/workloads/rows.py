"""Reductions along rows and their pullbacks: logsumexp, softmax, layer normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.workload import (
    PULLBACK,
    Handwritten,
    Workload,
    loops,
    normal,
    torch,
    with_autograd,
    with_jax,
)


def logsumexp(x: Any) -> Any:
    top = np.max(x, axis=1)
    return top + np.log(np.sum(np.exp(x - top[:, None]), axis=1))


@loops
def logsumexp_loops(x: Any) -> Any:
    out = np.empty(x.shape[0], x.dtype)
    for i in range(x.shape[0]):
        top = x[i, 0]
        for j in range(x.shape[1]):
            top = max(top, x[i, j])
        total = 0.0
        for j in range(x.shape[1]):
            total += np.exp(x[i, j] - top)
        out[i] = top + np.log(total)
    return out


@loops
def logsumexp_pullback(x: Any, ct: Any) -> Any:
    out = np.empty(x.shape[0], x.dtype)
    x_bar = np.empty_like(x)
    for i in range(x.shape[0]):
        top = x[i, 0]
        for j in range(x.shape[1]):
            top = max(top, x[i, j])
        total = 0.0
        for j in range(x.shape[1]):
            x_bar[i, j] = np.exp(x[i, j] - top)
            total += x_bar[i, j]
        scale = ct[i] / total
        for j in range(x.shape[1]):
            x_bar[i, j] *= scale
        out[i] = top + np.log(total)
    return out, x_bar


def softmax(x: Any) -> Any:
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


@loops
def softmax_loops(x: Any) -> Any:
    out = np.empty_like(x)
    for i in range(x.shape[0]):
        top = x[i, 0]
        for j in range(x.shape[1]):
            top = max(top, x[i, j])
        total = 0.0
        for j in range(x.shape[1]):
            out[i, j] = np.exp(x[i, j] - top)
            total += out[i, j]
        scale = 1.0 / total
        for j in range(x.shape[1]):
            out[i, j] *= scale
    return out


@loops
def softmax_pullback(x: Any, ct: Any) -> Any:
    out = softmax_loops(x)
    x_bar = np.empty_like(x)
    for i in range(x.shape[0]):
        mean = 0.0
        for j in range(x.shape[1]):
            mean += ct[i, j] * out[i, j]
        for j in range(x.shape[1]):
            x_bar[i, j] = (ct[i, j] - mean) * out[i, j]
    return out, x_bar


def layernorm(x: Any, gain: Any, shift: Any) -> Any:
    centred = x - np.mean(x, axis=1, keepdims=True)
    spread = np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-5)
    return centred / spread * gain + shift


@loops
def layernorm_loops(x: Any, gain: Any, shift: Any) -> Any:
    out = np.empty_like(x)
    n = x.shape[1]
    for i in range(x.shape[0]):
        mean = 0.0
        for j in range(n):
            mean += x[i, j]
        mean /= n
        total = 0.0
        for j in range(n):
            total += (x[i, j] - mean) ** 2
        scale = 1.0 / np.sqrt(total / n + 1e-5)
        for j in range(n):
            out[i, j] = (x[i, j] - mean) * scale * gain[j] + shift[j]
    return out


@loops
def layernorm_pullback(x: Any, gain: Any, shift: Any, ct: Any) -> Any:
    out, x_bar = np.empty_like(x), np.empty_like(x)
    gain_bar, shift_bar = np.zeros_like(gain), np.zeros_like(shift)
    n = x.shape[1]
    for i in range(x.shape[0]):
        mean = 0.0
        for j in range(n):
            mean += x[i, j]
        mean /= n
        total = 0.0
        for j in range(n):
            total += (x[i, j] - mean) ** 2
        scale = 1.0 / np.sqrt(total / n + 1e-5)
        first, second = 0.0, 0.0
        for j in range(n):
            unit = (x[i, j] - mean) * scale
            out[i, j] = unit * gain[j] + shift[j]
            gain_bar[j] += ct[i, j] * unit
            shift_bar[j] += ct[i, j]
            first += ct[i, j] * gain[j]
            second += ct[i, j] * gain[j] * unit
        first /= n
        second /= n
        for j in range(n):
            unit = (x[i, j] - mean) * scale
            x_bar[i, j] = (ct[i, j] * gain[j] - first - second * unit) * scale
    return out, x_bar, gain_bar, shift_bar


def logsumexp_torch() -> Any:
    return lambda x: torch().logsumexp(x, 1)


def softmax_torch() -> Any:
    return lambda x: torch().softmax(x, 1)


def layernorm_torch() -> Any:
    normalise = torch().nn.functional.layer_norm
    return lambda x, gain, shift: normalise(x, (x.shape[1],), gain, shift, 1e-5)


SIZES = (10, 100, 1_000)
FASTER = {"jax forward": 1.0, "jax derivative": 1.5}
LOGSUMEXP = Workload(
    name="logsumexp",
    program=logsumexp,
    data=lambda n: (normal(1, n, n), normal(2, n)),
    sizes=SIZES,
    wrt=(0,),
    derivative=PULLBACK,
    numba=Handwritten(logsumexp_loops, logsumexp_pullback),
    jax=with_jax(logsumexp),
    torch=logsumexp_torch,
    autograd=with_autograd(logsumexp),
    faster_than=FASTER,
    within={},
)
SOFTMAX = Workload(
    name="softmax",
    program=softmax,
    data=lambda n: (normal(1, n, n), normal(2, n, n)),
    sizes=SIZES,
    wrt=(0,),
    derivative=PULLBACK,
    numba=Handwritten(softmax_loops, softmax_pullback),
    jax=with_jax(softmax),
    torch=softmax_torch,
    autograd=with_autograd(softmax),
    faster_than=FASTER,
    within={},
)
LAYERNORM = Workload(
    name="layernorm",
    program=layernorm,
    data=lambda n: (normal(1, n, n), normal(2, n), normal(3, n), normal(4, n, n)),
    sizes=SIZES,
    wrt=(0, 1, 2),
    derivative=PULLBACK,
    numba=Handwritten(layernorm_loops, layernorm_pullback),
    jax=with_jax(layernorm),
    torch=layernorm_torch,
    autograd=with_autograd(layernorm),
    faster_than=FASTER,
    within={},
)
