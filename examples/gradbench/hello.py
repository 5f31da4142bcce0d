"""`hello`: the derivative of the square of a number."""

import stagec


def square(x):
    return x * x


def functions(backend):
    return {
        "square": stagec.jit(square, backend=backend),
        "double": stagec.grad(square, backend=backend),
    }


def prepare(message):
    return (float(message),)


SAMPLES = [3.0]
