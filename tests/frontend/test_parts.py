"""Writes to `array.real` and `array.imag`."""

from typing import Any

import numpy as np
import pytest

import stagec as sc

Z = np.arange(4) * (1 + 1j)


def assigned(z: Any) -> Any:
    w: Any = np.zeros((2, len(z)), complex)
    w[0].real = z.real
    w[1].imag[::2] = 3
    w.real[1] = [1, 2, 3, 4]
    w.T.real[0] = 9
    z.imag = np.inf
    z[1:].real[0] = -0.0
    return w


def changed(z: Any) -> Any:
    z.imag += np.sin(z.real)
    z.real[1:] *= np.cos(z.imag[1:])
    z.real[[0, 0, 2]] += 1
    z.real[z.imag > 2] -= 0.5
    z.imag[0] **= 2
    return z


def looped(z: Any) -> Any:
    for i in range(len(z)):
        z.real[i] = z.imag[i - 1] * 2
        if z.real[i] > 1:
            z.imag[i] += np.sqrt(abs(z[i].real))
    return np.sum(z)


def branched(z: Any) -> Any:
    w: Any = np.zeros(4, complex)
    if z.real[1] > 0:
        w.real = z.imag
    else:
        w.imag = z.real
    return w


def single(z: Any) -> Any:
    """The other part keeps its precision, and whole numbers are rounded once."""
    w = z.astype(np.complex64)
    w.real = np.arange(4) * 16777217
    w.imag[1] = 0.1
    w.imag[2] += 0.1
    w.real *= np.float64(1.1)
    return w


def called(z: Any) -> Any:
    """An element is read before the call, a view shows what it wrote."""

    def f() -> int:
        z.real[0] = 10
        return 1

    z.real[0] += f()
    z.real[:2] += f()
    z.real[[0, 1]] += f()
    return z


class Holder:
    real: Any


def of_an_object(z: Any) -> Any:
    held = Holder()
    held.real = z
    held.real[0] = 1
    held.real += 1
    held.real[1:] += np.conj(z[:-1])
    return held.real


PROGRAMS = [assigned, changed, looped, branched, single, called, of_an_object]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_the_array_itself_is_written(program: Any, backend: Any) -> None:
    z, w = Z.copy(), Z.copy()
    found, expected = sc.jit(program, backend=backend)(z), program(w)
    for a, b in ((found, expected), (z, w)):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        for part, wanted in ((np.real(a), np.real(b)), (np.imag(a), np.imag(b))):
            np.testing.assert_allclose(part, wanted, rtol=1e-14)
            np.testing.assert_array_equal(np.signbit(part), np.signbit(wanted))


def loss(x: Any, y: Any) -> Any:
    z: Any = np.zeros(len(x), complex)
    z.real = x * y
    z.imag[1:] = np.sin(x[1:])
    z.imag[:] += y * x[0]
    return np.sum(np.abs(z * z) ** 1.5)


def plain(x: Any, y: Any) -> Any:
    im = np.concatenate([np.zeros(1), np.sin(x[1:])]) + y * x[0]
    return np.sum(np.abs((x * y + 1j * im) ** 2) ** 1.5)


def test_derivatives_pass_through_both_parts() -> None:
    x = np.array([0.3, 0.7, 1.2])
    found = sc.grad(loss, argnums=(0, 1))(x, 0.4)
    for a, b in zip(found, sc.grad(plain, argnums=(0, 1))(x, 0.4), strict=True):
        np.testing.assert_allclose(a, b)
    np.testing.assert_allclose(
        sc.jvp(loss, (x, 0.4), (x, 1.0)), sc.jvp(plain, (x, 0.4), (x, 1.0))
    )
    rows = np.stack([x, 2 * x])
    each = [plain(row, 0.4) for row in rows]
    np.testing.assert_allclose(sc.vmap(loss, in_axes=(0, None))(rows, 0.4), each)


def test_an_array_of_real_numbers_is_its_real_part() -> None:
    def program(x: Any) -> Any:
        x.real[1] = 3
        x.real *= 2
        return x

    x = np.arange(3.0)
    np.testing.assert_array_equal(sc.jit(program)(x.copy()), program(x.copy()))

    def imaginary(x: Any) -> None:
        x.imag = 1

    with pytest.raises(TypeError, match="imaginary part"):
        sc.jit(imaginary)(x)


def test_what_cannot_be_a_part_is_refused() -> None:
    def number(z: Any) -> None:
        z.real[0] = 1j

    with pytest.raises(TypeError, match="not 'complex'"):
        sc.jit(number)(Z.copy())

    def wide(z: Any) -> None:
        z.real = np.ones((2, 4))

    with pytest.raises(sc.StagecError, match="does not broadcast"):
        sc.jit(wide)(Z.copy())


def test_a_part_read_before_the_write_is_refused() -> None:
    def program(z: Any) -> Any:
        before = z.real
        z.real = 1
        return before

    with pytest.raises(sc.StagecError, match="SC310"):
        sc.jit(program)(Z.copy())


def test_an_infinite_part_leaves_the_other_alone_in_a_batch() -> None:
    x, y = np.array([1.0, 2.0]), np.array([np.inf, -0.0])
    found = sc.vmap(lambda a, b: complex(a, b))(x, y)
    np.testing.assert_array_equal(found.real, x)
    np.testing.assert_array_equal(np.signbit(found.imag), [False, True])


def test_loops_over_elements_of_parts_are_compiled() -> None:
    """Also where they only read them."""

    def read(z: Any) -> Any:
        for i in range(1, len(z)):
            z[i] = z.imag[i - 1] * 2 + z.real[i]
        return z

    for program in (read, looped):
        text = sc.jit(program, backend="numba").source(Z)
        assert "_kernel(z)" in text
        assert "rt." not in text
        np.testing.assert_array_equal(
            sc.jit(program, backend="numba")(Z.copy()), program(Z.copy())
        )
