"""Whether arrays share memory, told cheaply in the common cases."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def apart(written: Sequence[Any], arrays: Sequence[Any]) -> bool:
    """Whether no array that is written shares memory with another array object."""
    return not any(
        other is not target
        and not _other_owner(target, other)
        and np.may_share_memory(target, other)
        and np.shares_memory(target, other)
        for target in written
        for other in arrays
    )


def _other_owner(a: Any, b: Any) -> bool:
    """Whether the memory of the two is known to have different owners."""
    first, second = _owner(a), _owner(b)
    return first is not None and second is not None and first is not second


def _owner(a: Any) -> Any:
    """The array that owns the memory, if that is known."""
    owner = a if a.flags.owndata else a.base
    return owner if type(owner) is np.ndarray and owner.flags.owndata else None
