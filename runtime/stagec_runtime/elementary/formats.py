"""The two floating-point formats, and what functions need to know of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A binary format of IEEE 754.

    Attributes
    ----------
    bits : the size of a number.
    mantissa : how many bits follow the exponent.
    bias : what is added to the exponent.
    """

    bits: int
    mantissa: int
    bias: int

    @property
    def shift(self) -> float:
        """A number whose last bit counts ones, in the middle of its binade."""
        return 1.5 * 2.0**self.mantissa

    @property
    def tiny(self) -> float:
        """The least normal number."""
        return 2.0 ** (1 - self.bias)


DOUBLE = Format(64, 52, 1023)
SINGLE = Format(32, 23, 127)
