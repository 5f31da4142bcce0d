"""One fused expression over long arrays, in two precisions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.workload import (
    GRADIENT,
    Handwritten,
    Workload,
    loops,
    normal,
    torch,
    with_autograd,
    with_jax,
)


def fused(a: Any, b: Any, c: Any, d: Any) -> Any:
    return np.sum(np.tanh(a * b + np.sin(c)) * np.exp(-d * d))


@loops
def fused_loop(a: Any, b: Any, c: Any, d: Any) -> Any:
    total = 0.0
    for i in range(a.size):
        total += np.tanh(a[i] * b[i] + np.sin(c[i])) * np.exp(-d[i] * d[i])
    return total


@loops
def fused_gradient(a: Any, b: Any, c: Any, d: Any) -> Any:
    total = 0.0
    a_bar, b_bar = np.empty_like(a), np.empty_like(b)
    c_bar, d_bar = np.empty_like(c), np.empty_like(d)
    for i in range(a.size):
        t = np.tanh(a[i] * b[i] + np.sin(c[i]))
        e = np.exp(-d[i] * d[i])
        total += t * e
        s = (1 - t * t) * e
        a_bar[i] = s * b[i]
        b_bar[i] = s * a[i]
        c_bar[i] = s * np.cos(c[i])
        d_bar[i] = -2 * d[i] * t * e
    return total, a_bar, b_bar, c_bar, d_bar


def fused_torch() -> Any:
    t = torch()
    return lambda a, b, c, d: t.sum(t.tanh(a * b + t.sin(c)) * t.exp(-d * d))


def _made(name: str, dtype: str, faster_than: dict[str, float]) -> Workload:
    return Workload(
        name=name,
        program=fused,
        data=lambda n: tuple(normal(k, n).astype(dtype) for k in range(4)),
        sizes=(1_000, 100_000, 10_000_000),
        wrt=(0, 1, 2, 3),
        derivative=GRADIENT,
        numba=Handwritten(fused_loop, fused_gradient),
        jax=with_jax(fused),
        torch=fused_torch,
        autograd=with_autograd(fused),
        faster_than=faster_than,
        within={},
    )


# 70 % of the bandwidth of copying is a copy that takes 0.7 times as long
FUSED = _made(
    "fused",
    "float64",
    {
        "jax forward": 6.0, "jax derivative": 8.0, "numpy forward": 1.0,
        "copy forward": 0.7, "copy derivative": 0.7,
    },
)  # fmt: skip
FUSED_SINGLE = _made("fused_single", "float32", {"jax derivative": 1.0, "numpy forward": 1.0})
