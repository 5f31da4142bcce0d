"""`det`: a determinant by expansion of minors."""

import numpy as np

import stagec


def is_odd(bits):
    """Whether an odd number of the lowest 16 bits is set."""
    for width in (8, 4, 2, 1):
        bits ^= bits >> width
    return bits & 1


def expand(A, row, free, product):
    """The sum of the signed products that begin with `product`.

    `product` has one entry of each row before `row`; `free` has a bit for each column that it
    has no entry of.
    """
    if row == len(A):
        return product
    total = 0.0
    for column in range(len(A)):
        bit = 1 << column
        if free & bit:
            sign = 1.0 - 2.0 * is_odd(free & (bit - 1))
            total += expand(A, row + 1, free ^ bit, product * sign * A[row, column])
    return total


def primal(A, ell):
    """The determinant of the `ell` by `ell` matrix with the entries A, row by row."""
    return expand(A.reshape(ell, ell), 0, 2**ell - 1, 1.0)


def functions(backend):
    options = {"static_argnames": "ell", "backend": backend}
    return {"primal": stagec.jit(primal, **options), "gradient": stagec.grad(primal, **options)}


def prepare(message):
    return np.array(message["A"], float), message["ell"]


SAMPLES = [{"A": np.arange(9.0) ** 2, "ell": 3}]
# each size is a program of its own; these are those of the eval
WANTED = [{"A": np.zeros(ell**2), "ell": ell} for ell in range(5, 12)]
