"""Random draws in terms of simpler ones, exactly as NumPy and `random` make them.

They are staged like the user's own code, so that scales, locations and what is chosen from have
derivatives.
"""

# ruff: noqa: D103 (they do what the methods of these names do)
from __future__ import annotations

import random
from typing import Any

import numpy as np


def double(value: Any) -> Any:
    """The parameter in the precision in which it is drawn."""
    if np.ndim(value) == 0:
        return float(value)
    made = np.asarray(value)
    return made if made.dtype == np.float64 else made.astype(np.float64)


def shape_for(size: Any, sum_of_parameters: Any) -> Any:
    """What is asked for: as many as the parameters have elements, unless a size is given."""
    if size is not None:
        return size
    return None if np.ndim(sum_of_parameters) == 0 else np.shape(sum_of_parameters)


def refuse_negative(scale: Any) -> None:
    if np.any(np.signbit(scale) & ~np.isnan(scale)):
        raise ValueError("scale < 0")


def normal_(rng: Any, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
    at, spread = double(loc), double(scale)
    refuse_negative(spread)
    return at + spread * rng.standard_normal(shape_for(size, at + spread))


def exponential_(rng: Any, scale: Any = 1.0, size: Any = None) -> Any:
    spread = double(scale)
    refuse_negative(spread)
    return spread * rng.standard_exponential(shape_for(size, spread))


def uniform_(rng: Any, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
    first, last = double(low), double(high)
    spread = last - first
    if not np.all(np.isfinite(spread)):
        raise OverflowError("high - low range exceeds valid bounds")
    if isinstance(rng, np.random.Generator) and np.any(np.signbit(spread)):
        raise ValueError("high - low < 0")
    return first + spread * rng.random(shape_for(size, spread))


def permutation_(rng: Any, x: Any, axis: Any = 0) -> Any:
    return np.take(x, rng.permutation(np.shape(x)[axis]), axis=axis)


def choice_(
    rng: Any, a: Any, size: Any = None, replace: Any = True, p: Any = None, **options: Any
) -> Any:
    values = np.asarray(a)
    return values[rng.choice(len(values), size=size, replace=replace, p=p, **options)]


def shuffle_(rng: Any, x: Any) -> None:
    order = rng.permutation(len(x))
    x[:] = x[order] if isinstance(x, np.ndarray) else [x[int(k)] for k in order]


def gauss_(rng: Any, mu: Any = 0.0, sigma: Any = 1.0) -> Any:
    return mu + rng.gauss(0.0, 1.0) * sigma


def normalvariate_(rng: Any, mu: Any = 0.0, sigma: Any = 1.0) -> Any:
    return mu + rng.normalvariate(0.0, 1.0) * sigma


def between_(rng: Any, a: Any, b: Any) -> Any:
    return a + (b - a) * rng.random()


def chosen_(rng: Any, seq: Any) -> Any:
    return seq[rng.randrange(len(seq))]


def shuffled_(rng: Any, x: Any) -> None:
    for i in range(len(x) - 1, 0, -1):
        j = rng.randrange(i + 1)
        x[i], x[j] = x[j], x[i]


NUMPY = {
    "normal": (normal_, ("loc", "scale")),
    "exponential": (exponential_, ("scale",)),
    "uniform": (uniform_, ("low", "high")),
    "permutation": (permutation_, ("x",)),
    "choice": (choice_, ("a",)),
    "shuffle": (shuffle_, ()),
}

# the methods that take something to choose from, or a number for a range of numbers
OF_SEQUENCES = (permutation_, choice_)

# the function that stands for each method, and the parameters, if any, of which one is staged
FORMS: dict[type, dict[str, tuple[Any, tuple[str, ...]]]] = {
    np.random.RandomState: NUMPY,
    np.random.Generator: NUMPY,
    random.Random: {
        "gauss": (gauss_, ("mu", "sigma")),
        "normalvariate": (normalvariate_, ("mu", "sigma")),
        "uniform": (between_, ("a", "b")),
        "choice": (chosen_, ("seq",)),
        "shuffle": (shuffled_, ()),
    },
}
