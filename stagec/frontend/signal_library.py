"""Windows and paddings of NumPy, written in Python and staged like the user's own code."""

# ruff: noqa: D103 (they do what NumPy's functions of these names do)
import math
from typing import Any

import numpy as np

# I0 as powers of x**2 / 4, and of 1 / x for large x, highest first: all terms are positive
NEAR = np.array([1 / math.factorial(k) ** 2 for k in range(40, -1, -1)])
FAR = np.array(
    [math.prod((2 * j + 1) ** 2 / (8 * (j + 1)) for j in range(k)) for k in range(30, -1, -1)]
)
BOUND = 20


def i0_(x: Any) -> Any:
    x = np.asarray(x)
    if x.dtype.kind == "c":
        raise TypeError("i0 not supported for complex values")
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
    size = np.abs(x)
    near = size < BOUND
    small, large = np.where(near, x, 0), np.where(near, BOUND, size)
    first = np.polyval(NEAR, small * small / 4)
    rest = np.exp(large) / np.sqrt(2 * np.pi * large) * np.polyval(FAR, 1 / large)
    return np.where(near, first, rest).astype(dtype)


def stepped(count: Any) -> Any:
    """From -1 to 1 in `count` steps."""
    n = count if isinstance(count, float) else int(count)  # of narrow integers 1 - n is none
    return np.arange(1 - n, n, 2) / max(n - 1, 1)


def cosines(count: Any, *weights: Any) -> Any:
    """The sum of `weights[k] * cos(k * pi * t)`, with t from -1 to 1 in `count` steps."""
    steps = stepped(count)
    total = weights[0] + weights[1] * np.cos(np.pi * steps)
    for k in range(2, len(weights)):
        total = total + weights[k] * np.cos(k * np.pi * steps)
    return total


def hanning_(M: Any) -> Any:
    return cosines(M, 0.5, 0.5)


def hamming_(M: Any) -> Any:
    return cosines(M, 0.54, 0.46)


def blackman_(M: Any) -> Any:
    return cosines(M, 0.42, 0.5, 0.08)


def bartlett_(M: Any) -> Any:
    return 1 - np.abs(stepped(M))


def kaiser_(M: Any, beta: Any) -> Any:
    n = M if isinstance(M, float) else int(M)
    steps = (2 * np.arange(n) - (n - 1)) / max(n - 1, 1)
    return np.i0(beta * np.sqrt(1 - steps * steps)) / np.i0(beta)


def pairs_(given: Any, n: Any) -> Any:
    """One pair for each of `n` axes, from any form that NumPy takes."""
    if isinstance(given, dict):
        found = [(0, 0)] * n
        for k in given:
            one = given[k]
            found[k] = (one[0], one[1]) if isinstance(one, (tuple, list)) else (one, one)
        return found
    rows = given if isinstance(given, (tuple, list, np.ndarray)) else (given,)
    if not isinstance(rows[0], (tuple, list, np.ndarray)):
        rows = (rows,)
    found = [(row[0], row[-1]) for row in rows]
    if len(found) == 1:
        return found * n
    if len(found) != n:
        raise ValueError(
            f"operands could not be broadcast together with remapped shapes [original->"
            f"remapped]: ({len(found)},2) and requested shape ({n},2)"
        )
    return found


def edge_value(mode: Any, part: Any, axis: Any) -> Any:
    """What a side is padded with, of the part of the array that counts for it."""
    if mode == "maximum":
        return np.max(part, axis=axis, keepdims=True)
    if mode == "minimum":
        return np.min(part, axis=axis, keepdims=True)
    if mode == "mean":
        found = np.mean(part, axis=axis, keepdims=True)
    else:
        found = np.median(part, axis=axis, keepdims=True)
    if part.dtype.kind in "iu":
        found = np.round(found)
    return found.astype(part.dtype)


def side_(
    x: Any, axis: Any, width: Any, first: Any, mode: Any, length: Any, end: Any
) -> Any:  # fmt: skip
    """What stands before or behind the array along an axis."""
    rows = np.moveaxis(x, axis, 0)
    if mode == "linear_ramp":
        edge = rows[0] if first else rows[-1]
        ramp = np.linspace(end, edge, width, endpoint=False, dtype=x.dtype)
        return np.moveaxis(ramp if first else ramp[::-1], 0, axis)
    n = rows.shape[0]
    count = n if length is None else min(length, n)
    part = np.moveaxis(rows[:count] if first else rows[n - count :], 0, axis)
    return np.repeat(edge_value(mode, part, axis), width, axis=axis)


def pad_(
    array: Any, pad_width: Any, mode: Any = "constant", *, stat_length: Any = None,
    end_values: Any = 0, **options: Any,
) -> Any:  # fmt: skip
    x = np.asarray(array)
    widths, lengths, ends = (pairs_(v, x.ndim) for v in (pad_width, stat_length, end_values))
    if mode == "empty":
        return np.pad(x, widths)
    if mode == "constant":
        return bordered(x, widths, pairs_(options.get("constant_values", 0), x.ndim))
    if options.get("reflect_type", "even") == "odd":
        return mirrored(x, widths, mode)
    if mode not in COMPUTED:
        return np.pad(x, widths, mode, **options)
    if len(options) > 0:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {set(options)}")
    for k in range(x.ndim):
        (before, after), (lead, tail), (start, stop) = widths[k], lengths[k], ends[k]
        if before < 0 or after < 0:
            raise ValueError("index can't contain negative values")
        if (lead is not None and lead < 0) or (tail is not None and tail < 0):
            raise ValueError("index can't contain negative values")
        if x.shape[k] == 0 and (before > 0 or after > 0):
            raise ValueError(
                f"can't extend empty axis {k} using modes other than 'constant' or 'empty'"
            )
        left = side_(x, k, before, True, mode, lead, start)
        right = side_(x, k, after, False, mode, tail, stop)
        x = np.concatenate((left, x, right), axis=k)
    return x


def bordered(x: Any, widths: Any, values: Any) -> Any:
    """The array between constants that may differ from side to side."""
    for k in range(x.ndim):
        (before, after), (first, last) = widths[k], values[k]
        if before < 0 or after < 0:
            raise ValueError("index can't contain negative values")
        rest = x.shape[:k], x.shape[k + 1 :]
        left = np.full((*rest[0], before, *rest[1]), np.asarray(first).astype(x.dtype))
        right = np.full((*rest[0], after, *rest[1]), np.asarray(last).astype(x.dtype))
        x = np.concatenate((left, x, right), axis=k)
    return x


def mirrored(x: Any, widths: Any, mode: Any) -> Any:
    """The array reflected at its edges, in place and in value."""
    for k in range(x.ndim):
        before, after = widths[k]
        if max(before, after) >= x.shape[k] + (mode == "symmetric"):
            raise TypeError("np.pad: reflect_type='odd' of more than the array is not staged")
        rows = np.moveaxis(x, k, 0)
        whole = np.pad(rows, [(before, after)] + [(0, 0)] * (x.ndim - 1), mode)
        n = rows.shape[0]
        left = 2 * rows[:1] - whole[:before]
        x = np.moveaxis(np.concatenate((left, rows, 2 * rows[-1:] - whole[before + n :])), 0, k)
    return x


# modes that compute what they pad with
COMPUTED = ("mean", "maximum", "minimum", "median", "linear_ramp", "empty")

STAGED: dict[Any, Any] = {
    np.i0: i0_, np.hanning: hanning_, np.hamming: hamming_, np.blackman: blackman_,
    np.bartlett: bartlett_, np.kaiser: kaiser_,
}  # fmt: skip
