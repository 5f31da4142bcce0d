"""Functions and methods of Python's integers."""

import enum
from typing import Any

import numpy as np
import pytest

import stagec


def powers(a: int, n: int, m: int) -> Any:
    return pow(a, n, m), pow(a, abs(n)), pow(2.0, n), pow(a, 3, 10)


@pytest.mark.parametrize("a", [3, -4, 0])
@pytest.mark.parametrize("n", [0, 1, 13])
@pytest.mark.parametrize("m", [7, -7, 1, 12])
def test_powers_with_a_modulus(a: int, n: int, m: int) -> None:
    found, wanted = stagec.jit(powers)(a, n, m), powers(a, n, m)
    assert found == wanted
    assert list(map(type, found)) == list(map(type, wanted))


@pytest.mark.parametrize(("a", "m"), [(3, 7), (3, -7), (-4, 9), (5, 1), (2, 4), (3, 0)])
def test_inverses(a: int, m: int) -> None:
    def inverse(a: int, m: int) -> int:
        return pow(a, -1, m)

    try:
        wanted = inverse(a, m)
    except ValueError:
        with pytest.raises(ValueError, match=r"invertible|cannot be 0"):
            stagec.jit(inverse)(a, m)
    else:
        assert stagec.jit(inverse)(a, m) == wanted


def test_the_length_of_an_integer() -> None:
    compiled = stagec.jit(lambda n: (n.bit_length(), (n > 2).bit_length()))
    for n in (0, 1, 255, 256, -256, 2**40):
        assert compiled(n) == (n.bit_length(), (n > 2).bit_length())
    for other in (1.5, np.ones(3), np.int64(3)):
        with pytest.raises(AttributeError):
            stagec.jit(lambda x: x.bit_length())(other)


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


def test_members_of_an_int_enum_are_numbers() -> None:
    def f(level: Any, x: Any) -> Any:
        return level + x, level * 2, level < x, x**level, Level(2)

    for backend in ("numpy", "numba"):
        assert repr(stagec.jit(f, backend=backend)(Level.HIGH, 3)) == repr(f(Level.HIGH, 3))
