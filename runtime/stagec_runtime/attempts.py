"""Operations that the program tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def attempt(
    compute: Callable[[], Any], count: int, *errors: type[BaseException]
) -> tuple[Any, ...]:
    """The `count` results of `compute()`, which of the errors it raised, and its text.

    Parameters
    ----------
    compute : the operation.
    count : how many results it has.
    errors : what it may raise, subclasses first.

    Returns
    -------
    The results, or None for each; whether each of the errors was raised; its text.
    """
    try:
        found = compute()
    except errors as error:
        first = next(k for k, cls in enumerate(errors) if isinstance(error, cls))
        return (*[None] * count, *(k == first for k in range(len(errors))), str(error))
    results = found if count > 1 else (found,)
    return (*results, *[False] * len(errors), "")
