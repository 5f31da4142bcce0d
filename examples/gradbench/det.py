"""`det`: a determinant by expansion of minors."""

import numpy as np

import stagec


def expand(A, row, used, product):
    """The sum of the signed products that begin with `product`.

    `product` has one entry of each row before `row`, and `used` says of which columns.
    """
    if row == len(A):
        return product
    total, sign = 0.0, 1.0
    for column in range(len(A)):
        if not used[column]:
            used[column] = True
            total += expand(A, row + 1, used, product * sign * A[row, column])
            used[column] = False
            sign = -sign
    return total


def primal(A, ell):
    """The determinant of the `ell` by `ell` matrix with the entries A, row by row."""
    return expand(A.reshape(ell, ell), 0, np.zeros(ell, bool), 1.0)


def functions(backend):
    options = {"static_argnames": "ell", "backend": backend}
    return {"primal": stagec.jit(primal, **options), "gradient": stagec.grad(primal, **options)}


def prepare(message):
    return np.array(message["A"], float), message["ell"]


SAMPLES = [{"A": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0], "ell": 3}]
