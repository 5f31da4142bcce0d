"""`llsq`: least squares of a polynomial against a step, its coefficients the variables."""

import numpy as np

import stagec


def primal(x, n):
    t = np.linspace(-1.0, 1.0, n)
    value = np.zeros(n)
    for coefficient in x[::-1]:  # Horner's scheme
        value = value * t + coefficient
    residual = np.sign(t) - value
    return 0.5 * np.sum(residual**2)


def functions(backend):
    return {
        "primal": stagec.jit(primal, backend=backend),
        "gradient": stagec.grad(primal, backend=backend),
    }


def prepare(message):
    return np.array(message["x"], float), message["n"]


SAMPLES = [{"x": [0.5, -0.25, 0.125], "n": 5}]
