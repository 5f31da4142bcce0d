"""What an operation that the program tries gives, and what it raised."""

from __future__ import annotations

import pytest

from stagec_runtime import attempt


def test_results() -> None:
    assert attempt(lambda: 2, 1, KeyError) == (2, False, "")
    assert attempt(lambda: (2, 3), 2, KeyError, ValueError) == (2, 3, False, False, "")


def test_what_is_raised() -> None:
    assert attempt(lambda: 1 / 0, 1, ZeroDivisionError) == (None, True, "division by zero")
    errors = UnicodeError, ValueError
    assert attempt(lambda: int("x"), 2, *errors)[:4] == (None, None, False, True)


def test_anything_else_passes() -> None:
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: 1 / 0, 1, KeyError)
