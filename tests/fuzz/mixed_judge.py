"""Judges programs of mixed dtypes: results, dtypes, changed arguments, and the two modes."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np

import stagec as sc
from tests.fuzz.judge import (
    Arguments,
    Mismatch,
    Verdict,
    concluded,
    leaves,
    load,
    outcome,
    same_sharing,
)  # fmt: skip
from tests.fuzz.mixtures import arguments


def judge_mixture(text: str, seed: int, backend: str = "numpy") -> Verdict:
    """The verdict on a program of mixed dtypes."""
    rounding = 1e-3 if "float32" in text else 1e-8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return concluded(
            lambda: judged(load(text, f"<mixture {seed}>"), seed, backend, rounding), backend
        )


def judged(space: dict[str, Any], seed: int, backend: str, rounding: float) -> Verdict:
    """Run the program for all sizes, and for the first ones again.

    `rounding` is how far the two modes may be apart.
    """
    f, loss = space["f"], space["loss"]
    compiled = sc.jit(f, backend=backend)
    sizes = space["SIZES"]
    for lengths in (*sizes, sizes[0]):
        args = arguments(space, seed, lengths)
        wanted, found = outcome(f, args), outcome(compiled, args)
        if isinstance(wanted, BaseException):
            if type(found) is not type(wanted):
                raise Mismatch("jit", f"{lengths}: {wanted!r} eagerly, staged {found!r}")
            continue
        # machine words instead of Python's integers, or what no call would have come to
        if isinstance(found, OverflowError | TypeError):
            return Verdict("raises", "", repr(found))
        compare("jit", wanted, found, lengths)
        same_sharing(wanted, found, lengths[0])
    moved = [
        k for k, (_, dtype, axes) in enumerate(space["ARGUMENTS"])
        if dtype in ("float64", "float32", "complex128") and axes
    ]  # fmt: skip
    if moved and "SAME" not in space:
        slope = sc.grad(loss, argnums=tuple(moved), backend=backend)
        for lengths in sizes[:2]:
            args = arguments(space, seed, lengths)
            reverse, forward, scale = both_modes(loss, slope, args, moved, lengths)
            if not abs(reverse - forward) <= rounding * max(1.0, scale):
                raise Mismatch("modes", f"{lengths}: reverse {reverse!r}, forward {forward!r}")
    return Verdict("ok")


def compare(stage: str, wanted: Any, found: Any, lengths: tuple[int, int]) -> None:
    """Raise `Mismatch` unless both have the same leaves of the same types, up to rounding."""
    if isinstance(found, BaseException):
        raise Mismatch(stage, f"{lengths}: raises {found!r}")
    one, two = leaves(wanted), leaves(found)
    if len(one) != len(two):
        raise Mismatch(stage, f"{lengths}: {found} instead of {wanted}")
    for k, (a, b) in enumerate(zip(one, two, strict=True)):
        kind = np.result_type(a)
        rounding = 1e-11 if kind.itemsize >= 8 and kind != np.complex64 else 1e-5
        finite = np.abs(a)[np.isfinite(a)] if np.size(a) else np.zeros(0)
        size = float(np.max(finite, initial=0.0))
        same = (
            type(a) is type(b)
            and np.shape(a) == np.shape(b)
            and kind == np.result_type(b)
            and np.allclose(a, b, rtol=rounding, atol=rounding * size, equal_nan=True)
        )
        if not same:
            raise Mismatch(stage, f"{lengths}: leaf {k} is {b!r} instead of {a!r}")


def both_modes(
    loss: Any, slope: Any, args: Arguments, moved: list[int], lengths: tuple[int, int]
) -> tuple[float, float, float]:
    """The derivative along a direction in both modes, and the size of its terms."""
    rng = np.random.default_rng([5, *lengths])
    args = tuple(
        a + (0.01 * rng.normal(size=np.shape(a))).astype(a.dtype) if k in moved else a
        for k, a in enumerate(args)
    )
    along = [
        rng.normal(size=np.shape(a)).astype(a.dtype) if k in moved else None
        for k, a in enumerate(args)
    ]
    wanted = outcome(loss, args)
    if isinstance(wanted, BaseException):
        return 0.0, 0.0, 0.0
    gradient = slope(*copy.deepcopy(args))
    value, forward = sc.jvp(loss, copy.deepcopy(args), tuple(along))
    compare("jvp value", wanted[0], value, lengths)
    reverse = scale = 0.0
    for part, k in zip(gradient, moved, strict=True):
        if np.shape(part) != np.shape(args[k]) or part.dtype != args[k].dtype:
            raise Mismatch("grad", f"{lengths}: {part!r} for the argument {args[k]!r}")
        terms = np.real(np.conj(part) * along[k])
        reverse, scale = reverse + float(np.sum(terms)), scale + float(np.sum(np.abs(terms)))
    if not np.isfinite(reverse) or not np.isfinite(forward):
        return 0.0, 0.0, 0.0
    return reverse, float(forward), scale
