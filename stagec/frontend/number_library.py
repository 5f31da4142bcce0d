"""Functions of integers, written in Python and staged like the user's own code."""

# ruff: noqa: D103 (what they compute is what their names say)
from typing import Any


def pow_(base: Any, exp: Any, mod: Any = None) -> Any:
    if mod is None:
        return base**exp
    if not (isinstance(base, int) and isinstance(exp, int) and isinstance(mod, int)):
        raise TypeError("pow() 3rd argument not allowed unless all arguments are integers")
    if mod == 0:
        raise ValueError("pow() 3rd argument cannot be 0")
    if exp < 0:
        base, exp = inverse(base, mod), -exp
    base = base % mod
    result = 1 % mod
    while exp > 0:
        if exp & 1:
            result = result * base % mod
        base = base * base % mod
        exp = exp >> 1
    return result


def inverse(base: Any, mod: Any) -> Any:
    a, b, factor, further = base % mod, mod, 1, 0
    while b != 0:
        times = a // b
        a, b = b, a - times * b
        factor, further = further, factor - times * further
    if abs(a) != 1:
        raise ValueError("base is not invertible for the given modulus")
    return factor * a % mod


def bit_length_(number: Any) -> Any:
    rest, length = abs(number), 0
    while rest > 0:
        rest = rest >> 1
        length += 1
    return length


STAGED: dict[Any, Any] = {pow: pow_}
