"""The descent of `particle` and `saddle`: steps that grow while they go well."""

import numpy as np

import stagec

#: the gradient of a function of a number or an array, by forward and by reverse mode
GRADIENT = {"f": stagec.jacfwd, "r": stagec.grad}


def length(x):
    return np.sqrt(np.sum(x**2))


def minimise(f, gradient, x):
    """A minimum of f near x: the point from where steps are shorter than 1e-5."""
    eta, good = 1e-5, 0
    value, slope = f(x), gradient(x)
    while length(slope) > 1e-5:
        if good == 10:
            eta, good = 2 * eta, 0
        step = x - eta * slope
        if length(x - step) <= 1e-5:
            return x
        new = f(step)
        if new < value:
            x, value, slope, good = step, new, gradient(step), good + 1
        else:
            eta, good = eta / 2, 0
    return x
