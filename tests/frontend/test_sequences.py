"""Operators of lists and tuples are Python's, not NumPy's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import stagec as sc

ROW = [1.0, 2.0]
PAIR = (1.0, 3.0)
COUNT = np.int64(3)


def listed(*items: Any) -> Any:
    return list(items)


def same(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("n", [2, 0, np.int64(2), np.uint8(3)])
@pytest.mark.parametrize(
    "f",
    [
        lambda n: ROW * n,
        lambda n: n * PAIR,
        lambda n: [0.5, n] * COUNT,
        lambda n: np.int32(2) * (n, n),
        lambda n: ROW + [n] * n,
    ],
)
def test_a_list_times_an_integer_repeats_it(f: Callable[[Any], Any], n: Any) -> None:
    same(sc.jit(f)(n), f(n))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: ROW * x,
        lambda x: listed(x) * 0.5,
        lambda x: np.float64(2.0) * listed(x),
        lambda x: listed(x) - [1.0],
        lambda x: PAIR + listed(x),
        lambda x: PAIR / x,
        lambda x: listed(x) + 1.0,
        lambda x: x + ROW,
        lambda x: listed(x, 1.0) < 3.0,
        lambda x: -listed(x),
    ],
)
def test_other_operators_raise_as_in_python(f: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError) as ours:
        sc.jit(f)(2.5)
    with pytest.raises(TypeError) as theirs:
        f(2.5)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: ROW + a,
        lambda a: [a[0], 1.0] * a,
        lambda a: a[0] + [a[0], 1.0],
        lambda a: ROW @ a,
    ],
)
def test_with_an_array_they_are_those_of_numpy(f: Callable[[Any], Any]) -> None:
    a = np.array([3.0, 4.0])
    same(sc.jit(f)(a), f(a))


class Kept:
    items: list[float]

    def __init__(self) -> None:
        self.items = [1.0]


def local(_: Kept, x: float) -> Any:
    a = [x]
    b = a
    a *= 2
    b.append(0.5)
    return a, b


def attribute(kept: Kept, x: float) -> Any:
    before = kept.items
    kept.items += [x]
    kept.items *= 2
    return before


@pytest.mark.parametrize("f", [local, attribute])
def test_a_list_that_grows_in_place_stays_the_same_list(f: Callable[..., Any]) -> None:
    kept = [Kept(), Kept()]
    held = [k.items for k in kept]
    assert sc.jit(f)(kept[0], 2.0) == f(kept[1], 2.0)
    assert held[0] == held[1]
    assert kept[0].items is held[0]


def test_a_captured_list_grows_in_place() -> None:
    class Shared:
        rows = [1.0]

    def f(x: float) -> Any:
        Shared.rows += [x]
        Shared.rows *= 2
        return Shared.rows

    held = Shared.rows
    assert sc.jit(f)(2.0) is held
    assert held == [1.0, 2.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda a, n: np.sum(a, axis=n) * n, (np.ones((2, 3)), np.int32(1))),
        (lambda a, n: np.array_split(a, n)[1], (np.arange(7.0), np.int64(3))),
        (lambda a, n: np.bincount(a, None, n), (np.array([1, 2, 5]), np.int64(9))),
        (lambda a, n: a.reshape(n, -1), (np.arange(6.0), np.uint8(2))),
    ],
)
def test_integers_of_numpy_are_known_where_staging_needs_them(
    f: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    staged = sc.jit(f)
    same(staged(*copy.deepcopy(args)), f(*args))
    if args[1] > 2:
        same(staged(args[0], args[1] - 1), f(args[0], args[1] - 1))


def rows(n: float) -> Any:
    z = np.zeros((2, 2))
    z[0] += [n, 1.0]
    z[1] -= (1, 2)
    z[np.array([0, 1]), 0] += (n, 2.0)
    z[z > 0.5] -= [0.5, n, 1.0]
    return z


def test_a_part_of_an_array_takes_the_items_of_a_list() -> None:
    same(sc.jit(rows)(2.5), rows(2.5))


@pytest.mark.parametrize(
    "f",
    [
        lambda n: np.subtract((1, 2), (n, 4)),
        lambda n: np.hypot([3, n], (4, 1)),
        lambda n: np.less((n, 2), (1, 5)),
    ],
)
def test_ufuncs_take_tuples_for_arrays(f: Callable[[Any], Any]) -> None:
    same(sc.jit(f)(2.5), f(2.5))


NAMES = ("slope", "offset")


def named_parts(v: Any) -> Any:
    given = dict(zip(NAMES, v[:2], strict=False))
    return given["slope"] * v[2] + given["offset"]


def named_by_position(v: Any) -> Any:
    return dict(zip(range(3), zip(["a", "b"], v, strict=False), strict=False))


def paired(v: Any) -> Any:
    (_, first), (_, second) = zip(NAMES, v, strict=False)
    return first - second


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("f", [named_parts, named_by_position])
def test_names_are_paired_with_the_items_of_an_array(
    f: Callable[..., Any], backend: str
) -> None:
    staged = sc.jit(f, backend=backend)
    for n in (3, 5):
        v = np.arange(n) + 0.5
        assert staged(v) == f(v)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_what_is_paired_with_names_has_gradients(backend: str) -> None:
    v = np.array([2.0, 3.0, 5.0])
    np.testing.assert_array_equal(sc.grad(named_parts, backend=backend)(v), [5.0, 1.0, 2.0])
    np.testing.assert_array_equal(sc.grad(paired, backend=backend)(v[:2]), [1.0, -1.0])


def test_too_few_items_for_the_names() -> None:
    with pytest.raises(KeyError, match="offset"):
        sc.jit(named_parts)(np.array([1.0]))


@dataclass(frozen=True)
class Place:
    """An integer for Python."""

    at: int

    def __index__(self) -> int:
        return self.at


class Places(Place):
    """And a sequence for NumPy."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, k: int) -> int:
        return [4][k]


PLACE: list[Any] = [Place(1)]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[PLACE[0]],
        lambda x: x[PLACE[0] :],
        lambda x: x[: PLACE[0], None],
        lambda x: x[slice(PLACE[0])],
        lambda x: x[-1] + np.zeros(PLACE[0]).size,
    ],
)
def test_objects_that_are_integers_index_arrays(f: Any, backend: str) -> None:
    g = sc.jit(f, backend=backend)
    for at in (1, 3, -2):
        PLACE[0] = Place(abs(at) if "zeros" in f.__code__.co_names else at)
        np.testing.assert_array_equal(g(np.arange(5.0)), f(np.arange(5.0)))


def test_what_numpy_takes_for_a_sequence_is_no_integer() -> None:
    places = Places(2)
    with pytest.raises(sc.StagecError):
        sc.jit(lambda x: x + np.zeros(places).size)(1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_items_of_ranges_are_computed(backend: str) -> None:
    def f(a: int, b: int, step: int, k: int) -> Any:
        numbers = range(a, b, step)
        return numbers[k] * 1.0 + len(numbers)

    g = sc.jit(f, backend=backend)
    for given in ((0, 5, 2, 0), (0, 5, 2, -1), (5, -1, -2, 2), (3, 4, 1, 0)):
        assert g(*given) == f(*given)
    for outside in ((0, 5, 2, 3), (0, 5, 2, -4), (0, 0, 1, 0)):
        with pytest.raises(IndexError, match="range object index out of range"):
            g(*outside)


@pytest.mark.parametrize("at", [0, -1])
def test_an_item_that_is_not_there_is_named_as_in_python(at: int) -> None:
    def of_list(x: Any) -> Any:
        items: list[Any] = []
        return x * items[at]

    def of_tuple(x: Any) -> Any:
        items: Any = ()
        return x * items[at]

    for f, kind in ((of_list, "list"), (of_tuple, "tuple")):
        with pytest.raises(IndexError, match=f"{kind} index out of range"):
            sc.jit(f)(1.0)


def test_a_float_is_no_bound_of_a_slice() -> None:
    half: Any = 2.5
    with pytest.raises(TypeError, match="slice indices must be integers"):
        sc.jit(lambda x: x[:half])(np.ones(4))


# -- as often as only the run time knows


def sums(x: Any, k: Any) -> Any:
    found = [0.0] * (len(x) + k)
    for i in range(len(x)):
        found[i + 1] = found[i] + x[i]
    return found


def reached(near: Any) -> Any:
    level = [-1] * len(near)
    level[0] = 0
    waiting = [0]
    while waiting:
        u = waiting.pop(0)
        for v in range(len(near)):
            if near[u, v] and level[v] < 0:
                level[v] = level[u] + 1
                waiting.append(v)
    return level


def of_staged(x: Any, n: Any) -> Any:
    a = [x] * n
    a += n * [x > 0.5]
    return a, len(a), [x * 2] * n == [2 * x] * n


def arrays(x: Any) -> Any:
    found = [0] * len(x)
    for i in range(len(x)):
        found[i] = x[i] * np.ones(2)
    return np.array(found)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_lists_of_one_number_may_have_any_length(backend: str) -> None:
    for f, several in (
        (sums, [(np.arange(n) / 3, 1) for n in (4, 9, 0)]),
        (reached, [(np.eye(n, k=1) + np.eye(n, k=-2),) for n in (5, 8)]),
        (of_staged, [(0.3, n) for n in (3, 5, 0, -2)]),
    ):
        staged = sc.jit(f, backend=backend)
        for args in several:
            assert staged(*args) == f(*args)
    assert "[np.float64(0.0)] * (x.shape[0] + k)" in sc.jit(sums, backend="numpy").source(
        np.ones(3), 1
    )


def test_the_same_code_serves_all_lengths() -> None:
    staged = sc.jit(sums)
    assert staged.source(np.ones(4), 1) == staged.source(np.ones(9), 1)


def test_lists_that_get_other_items_have_the_length_of_the_call() -> None:
    for n in (2, 3):
        same(sc.jit(arrays)(np.arange(n) / 2), arrays(np.arange(n) / 2))


def test_an_index_outside_raises_in_lists_of_any_length() -> None:
    with pytest.raises(IndexError, match="list assignment index out of range"):
        sc.jit(sums)(np.ones(3), 0)


def test_gradients_of_lists_of_one_number() -> None:
    def loss(x: Any, n: Any) -> Any:
        s = [x * x] * n
        for i in range(1, n):
            s[i] = s[i] * s[i - 1]
        return sum(s)

    for backend in ("numpy", "numba"):
        found = sc.grad(loss, backend=backend)(0.7, 4)
        np.testing.assert_allclose(found, sum(2 * k * 0.7 ** (2 * k - 1) for k in range(1, 5)))
