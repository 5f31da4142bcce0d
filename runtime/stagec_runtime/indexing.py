"""Index arithmetic that depends on run-time values."""

from typing import Any

import numpy as np


def overwritten(view: Any, key: Any) -> Any:
    """Which of the values stored by `view[key] = values` a later one of them replaces.

    >>> overwritten(np.zeros(3), np.array([0, 2, 0]))
    array([ True, False, False])
    """
    marks = np.zeros(view.shape, int)
    order = np.arange(np.size(marks[key])).reshape(np.shape(marks[key]))
    marks[key] = order
    return np.asarray(marks[key] != order)
