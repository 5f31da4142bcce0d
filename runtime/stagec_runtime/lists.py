"""Lists of arrays and numbers."""

from typing import Any

import numpy as np


def zeros_like_list(xs: list[Any]) -> list[Any]:
    """Zeros of the same lengths, shapes and kinds.

    >>> zeros_like_list([1.5, np.ones(2)])
    [0.0, array([0., 0.])]
    """
    return [_zero(x) for x in xs]


def _zero(x: Any) -> Any:
    if isinstance(x, list):
        return zeros_like_list(x)
    return np.zeros_like(x) if isinstance(x, np.ndarray) else type(x)(0)


def copy_list(xs: list[Any]) -> list[Any]:
    """The list with copies of its elements.

    >>> copy_list([1.0, [2.0]])
    [1.0, [2.0]]
    """
    return [copy_list(x) if isinstance(x, list) else _copied(x) for x in xs]


def _copied(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


def add_lists(xs: list[Any], ys: list[Any]) -> list[Any]:
    """The sums of corresponding elements.

    >>> add_lists([1.0, [2.0]], [3.0, [4.0]])
    [4.0, [6.0]]
    """
    pairs = zip(xs, ys, strict=True)
    return [add_lists(x, y) if isinstance(x, list) else x + y for x, y in pairs]


def last(xs: list[Any]) -> Any:
    """What `xs.pop()` returns."""
    if not xs:
        raise IndexError("pop from empty list")
    return xs[-1]


def rows_like(xs: list[Any], like: Any) -> Any:
    """The array with these rows; `like` gives its shape, should there be none."""
    return np.stack(xs) if xs else np.zeros_like(like)


def stretch_list(xs: list[Any], like: Any) -> list[Any]:
    """Every element repeated along a new first axis, as long as that of `like`.

    >>> stretch_list([1.0, 2.0], np.zeros(2))
    [array([1., 1.]), array([2., 2.])]
    """
    while isinstance(like, list) and like:
        like = like[0]
    if isinstance(like, list):
        return []
    return [
        stretch_list(x, like)
        if isinstance(x, list)
        else np.broadcast_to(x, (len(like), *np.shape(x)))
        for x in xs
    ]


def collapse_list(xs: list[Any], like: list[Any]) -> list[Any]:
    """Every element summed over its first axis, of the kind that it has in `like`.

    >>> collapse_list([np.ones(3)], [0.5])
    [3.0]
    """
    pairs = zip(xs, like, strict=True)
    return [collapse_list(x, y) if isinstance(x, list) else _summed(x, y) for x, y in pairs]


def _summed(x: Any, like: Any) -> Any:
    total = np.sum(x, axis=0)
    return total if isinstance(like, np.ndarray | np.generic) else type(like)(total)


def split_like(a: Any, like: list[Any], axis: int) -> list[Any]:
    """The consecutive parts of `a` along the axis that are as long as the elements of `like`.

    >>> split_like(np.arange(3), [np.ones(1), np.ones(2)], 0)
    [array([0]), array([1, 2])]
    """
    cuts = np.cumsum([x.shape[axis] for x in like])[:-1]
    return np.split(a, cuts, axis)
