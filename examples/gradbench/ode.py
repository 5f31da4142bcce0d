"""`ode`: a chain of linear differential equations by the classical Runge-Kutta scheme."""

import numpy as np

import stagec


def slope(x, y):
    change = x.copy()
    change[1:] *= y[:-1]
    return change


def primal(x, s):
    """The solution at time 2 after `s` steps from 0."""
    h = 2.0 / s
    y = np.zeros_like(x)
    for _ in range(s):
        k1 = slope(x, y)
        k2 = slope(x, y + h / 2 * k1)
        k3 = slope(x, y + h / 2 * k2)
        k4 = slope(x, y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def last(x, s):
    return primal(x, s)[-1]


def functions(backend):
    return {
        "primal": stagec.jit(primal, backend=backend),
        "gradient": stagec.grad(last, backend=backend),
    }


def prepare(message):
    return np.array(message["x"], float), message["s"]


SAMPLES = [{"x": [0.5, 0.25, 0.75], "s": 2}]
