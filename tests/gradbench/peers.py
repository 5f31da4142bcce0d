"""The evals written for others, in the best form that they have: jit, 64 bits, one thread.

A peer gives for an eval and its arguments two functions without parameters, the function and
its derivative, that return arrays when the result is there; it is no key where it has no form.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Callable
from importlib import import_module
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


PEERS: dict[str, Callable[[], dict[str, Callable[..., Pair]]]] = {
    "NumPy": lambda: {"llsq": _numpy_llsq, "lse": _numpy_lse, "kmeans": _numpy_kmeans},
    "C++": lambda: {
        "llsq": _cpp_llsq, "lse": _cpp_lse, "det": _cpp_det, "kmeans": _cpp_kmeans,
    },
    "JAX": lambda: import_module("tests.gradbench.with_jax").EVALS,
    "PyTorch": lambda: import_module("tests.gradbench.with_torch").EVALS,
}  # fmt: skip
