"""Loops that record slices whose lengths vary from trip to trip, and sums of backward loops."""

import re

import numpy as np
import pytest

import stagec


def growing(a, b):
    a = a.copy()
    for k in range(1, len(a)):
        a[:k] = a[:k] * a[:k] * b[k] + a[k]
    return np.sum(a * a)


def shrinking_backwards(a, b):
    a = a.copy()
    for k in range(len(a) - 1, -1, -1):
        a[k:] = np.sin(a[k:]) * a[k:] + b[k]
    return np.sum(a)


def turned(a, b):
    a = a.copy()
    for k in range(1, len(a)):
        a[:k] += b[k] * a[:k][::-1] * a[k - 1 :: -1]
    return np.sum(a * b)


def in_steps(a, b):
    a = a.copy()
    for k in range(0, len(a), 2):
        a[k::2] = a[k::2] ** 2 * b[k]
    return np.sum(a)


def nested(a, b):
    m = np.outer(a, b) + 1.0
    for k in range(len(a)):
        for j in range(k + 1, len(a)):
            m[j, k:] = m[j, k:] * m[k, k:] * np.cos(m[j, k])
    return np.sum(m)


def elimination(a, b):
    m = np.outer(a, b) + 3.0 * np.eye(len(a))
    for k in range(len(a) - 1):
        m[k + 1 :, k] /= m[k, k]
        m[k + 1 :, k + 1 :] -= np.outer(m[k + 1 :, k], m[k, k + 1 :])
    return np.sum(m * m)


def products(a, b):
    a = a.copy()
    for i in range(len(a)):
        a[i] = (b[i] - a[i:] @ b[i:]) * a[i]
        a[:i] = np.tanh(a[:i]) * a[i]
    return np.sum(a)


def leaving(a, b):
    a = a.copy()
    for k in range(1, len(a)):
        a[:k] = a[:k] * a[:k] + b[k]
        if np.sum(a[:k]) > 3.0:
            break
    return np.sum(a * a)


def by_element(a, b):
    m = np.outer(a, b) + 3.0 * np.eye(len(a))
    n = len(a)
    for k in range(n):
        for i in range(k + 1, n):
            m[i, k] /= m[k, k]
            for j in range(k + 1, n):
                m[i, j] -= m[i, k] * m[k, j]
    return np.sum(np.log(np.diag(m) ** 2))


def overlapping(a, b):
    m = np.outer(a, b)
    n = len(a)
    for k in range(n):
        for i in range(k, n):
            for j in range(n):
                m[i, j] += 0.1 * m[i, k] * m[k, j]
    return np.sum(m * m)


PROGRAMS = [
    growing, shrinking_backwards, turned, in_steps, nested, elimination, products, leaving,
    by_element, overlapping,
]  # fmt: skip


def data(n):
    rng = np.random.default_rng(n)
    return rng.uniform(0.3, 0.9, n), rng.uniform(0.3, 0.9, n)


def complex_step(program, a, b):
    """The gradient in both arguments, by a small imaginary step."""
    h = 1e-200
    steps = [(h * 1j * row, 0j * row) for row in np.eye(len(a))]
    steps += [(second, first) for first, second in steps]
    return np.array([np.imag(program(a + da, b + db)) / h for da, db in steps])


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_gradients(program, backend):
    gradient = stagec.grad(program, argnums=(0, 1), backend=backend)
    for n in (5, 1, 0):
        a, b = data(n)
        found = np.concatenate(gradient(a, b))
        np.testing.assert_allclose(found, complex_step(program, a, b), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("program", [growing, turned, elimination])
def test_they_are_kernels_without_lists(program):
    text = stagec.grad(program, argnums=(0, 1), backend="numba").source(*data(7))
    _, driver = text.rsplit("\ndef ", 1)
    assert "append(" not in text
    assert "for " not in driver


def test_terms_are_summed_in_any_order_only_where_the_element_is_not_read():
    def text(program):
        return stagec.grad(program, argnums=(0, 1), backend="numba").source(*data(7))

    assert "acc = kernels.plus(acc" in text(by_element)
    forward = stagec.jit(by_element, backend="numba").source(*data(7))
    assert re.search(r"m\[i, j\] -= \w+ \* m\[k, j\]", forward)
