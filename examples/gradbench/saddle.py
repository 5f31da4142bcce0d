"""`saddle`: a saddle point by a descent through a descent."""

import numpy as np

import stagec
from examples.gradbench.descent import GRADIENT, minimise


def f(x, y):
    return np.sum(x**2) - np.sum(y**2)


def best(x, start, inner):
    """The y for which f(x, y) is greatest, by derivatives in the mode `inner`."""

    def negative(y):
        return -f(x, y)

    return minimise(negative, GRADIENT[inner](negative), start)


def saddle(start, outer, inner):
    """The point where f is least in x and greatest in y, its x then its y."""

    def worst(x):
        return f(x, best(x, start, inner))

    x = minimise(worst, GRADIENT[outer](worst), start)
    return np.concatenate([x, best(x, start, inner)])


def functions(backend):
    return {
        modes: stagec.jit(
            lambda start, outer=modes[0], inner=modes[1]: saddle(start, outer, inner),
            backend=backend,
        )
        for modes in ("rr", "ff", "fr", "rf")
    }


def prepare(message):
    return (np.array(message["start"], float),)


SAMPLES = [{"start": [0.0, 0.0]}]  # the saddle point itself: no step is needed
