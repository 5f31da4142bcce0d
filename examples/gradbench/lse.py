"""`lse`: the logarithm of the sum of exponentials, kept from overflowing by the maximum."""

import numpy as np

import stagec


def primal(x):
    largest = np.max(x)
    return largest + np.log(np.sum(np.exp(x - largest)))


def functions(backend):
    return {
        "primal": stagec.jit(primal, backend=backend),
        "gradient": stagec.grad(primal, backend=backend),
    }


def prepare(message):
    return (np.array(message["x"], float),)


SAMPLES = [{"x": [1.0, 2.0, 3.0]}]
