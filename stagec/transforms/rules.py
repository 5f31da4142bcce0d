"""Derivative rules of ops, where one says that there is no derivative."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from stagec.errors import StagecError
from stagec.ir.core import Apply


@contextmanager
def rule_of(stmt: Apply) -> Generator[None, None, None]:
    """Around the call of a rule: what it refuses is refused at the place of the op.

    Raises
    ------
    StagecError
        If the rule raises a TypeError.
    """
    try:
        yield
    except TypeError as error:
        raise StagecError(
            "SC426", f"no derivative of {stmt.op.name}: {error}", stmt.loc,
            "differentiate with respect to what it does not depend on",
        ) from error  # fmt: skip
