"""Iterators are read once; classes are iterated as they say; `iter` and `next`."""

import enum
import itertools
from typing import Any

import numpy as np
import pytest

import stagec as sc


class Listed:
    def __init__(self, items: Any) -> None:
        self.items = items

    def __iter__(self) -> Any:
        return iter(self.items)


class Counted:
    def __init__(self, n: Any) -> None:
        self.n = n
        self.k = 0

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if self.k >= self.n:
            raise StopIteration
        self.k += 1
        return self.k * 2


class Indexed:
    def __init__(self, n: Any) -> None:
        self.n = n

    def __getitem__(self, k: Any) -> Any:
        if k >= self.n:
            raise IndexError
        return k * 3


def read_twice(x: Any, n: Any) -> Any:
    g, z = (v * 2 for v in x), zip(x, x, strict=False)
    m, e = map(abs, x), enumerate(x)
    first = sum(g), sum(u * v for u, v in z), len(list(m)), len([k for k, _ in e])
    return first, sum(g), sum(u * v for u, v in z), len(list(m)), len([k for k, _ in e])


def items_are_no_iterator(x: Any, n: Any) -> Any:
    d = {"a": n, "b": 2}
    items = d.items()
    return [v for _, v in items], [k for k, _ in items]


def firsts(x: Any, n: Any) -> Any:
    found = next((v for v in x if v > n), -1.0), next((v for v in x if v > 100), None)
    it = iter(x)
    return *found, next(it), next(it), sum(it), next(it, None) is None


def missing(x: Any, n: Any) -> Any:
    return next(v for v in x if v > 100)


def classes(x: Any, n: Any) -> Any:
    total = 0.0
    for v in Listed([1.0, n]):
        total += v
    for v in Indexed(3):  # type: ignore[attr-defined]
        total += v
    c = Counted(n)
    a = next(c)
    for v in c:
        total += v
        if v > 3:
            break
    _, q = Listed([x, n])
    return total, a, list(c), next(c, -1), list(Indexed(2)), q, [*Listed([n, 2])]  # type: ignore[call-overload]


def endless(x: Any, n: Any) -> Any:
    total = 0.0
    for k in itertools.count():
        if k >= n:
            break
        total += x[k] * k
    for a, k, v, w in zip(
        itertools.repeat(2.0), itertools.count(1, 2), x, itertools.cycle([1.0, n])
    ):
        total += a * k * v * w
    return (
        total,
        [*map(pow, x, itertools.repeat(2))],
        list(itertools.islice(itertools.count(n), n)),
    )


def read_on(x: Any, n: Any) -> Any:
    c, sign, known = itertools.count(), itertools.cycle(x[:2]), iter(range(10))
    total = 0.0
    for v, k in zip(x, c, strict=False):  # reads x first: nothing of c is lost
        total += v * k * next(sign) + next(known)
    for k, v in zip(c, x, strict=False):
        total += v * k
    for k in range(n):
        total += k * next(known)
    return total, next(c), next(known)


def numbered(k: Any) -> Any:
    while True:
        yield k
        k += 1


def beside_generators(x: Any, n: Any) -> Any:
    total = 0.0
    for k, v in zip(numbered(n), x, strict=False):
        total += k * v
    for v, k, w in zip(x, (2 * k for k in range(n)), Counted(n), strict=False):
        total += k * v * w
    return total, [k * v for k, v in zip(Counted(2), x, strict=False)]


def sliced(x: Any, n: Any) -> Any:
    doubled = (2 * v for v in x)
    return (
        list(itertools.islice(x, n - 1)),
        list(itertools.islice(x, 1, None, 2)),
        list(itertools.islice(doubled, 1, n)),
        sum(itertools.islice([v * n for v in x], 1, 20, 3)),
    )


def handed_on(x: Any, n: Any) -> Any:
    """Iterators over iterators: what a loop reads of one is what the other has."""
    g = (v * 2 for v in x)
    m = map(abs, g)
    return (
        list(map(abs, reversed(x))),
        sum(map(abs, (v - 2 for v in x))),
        sum(map(abs, map(abs, [n, 1]))),
        list(filter(None, map(abs, [0, n]))),
        [u + v for u, v in filter(None, zip([1, n], [2, 3], strict=False))],
        (list(m), list(m), list(g)),
    )


def turned_round(x: Any, n: Any) -> Any:
    r = reversed([1, 2, n])
    a, b = list(r), list(r)
    c = [u * v for u, v in zip(reversed([1, 2, 3]), x, strict=False)]
    d = list(zip(reversed((n, 2)), reversed([n, 4]), strict=True))
    e = sum(reversed([3, n])), "".join(reversed(["a", "b"])), [*reversed([n, 1])]
    f, g = reversed([n, 9])
    return (
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        next(reversed([1, n])),
        1 in reversed([1, n]),
        tuple(reversed(x)),
    )


def iter_in_loops(x: Any, n: Any) -> Any:
    left, twice, both = iter([1, 2, 3, n]), iter([1, n]), iter([1, 2, 3, 4, 5, 6])
    for v in left:
        if v == 2:
            break
    pairs = [(v, next(both)) for v in both]
    return list(left), list(twice), list(twice), pairs


def iter_of_numbers(x: Any, n: Any) -> Any:
    numbers, total = iter(x), 0.0
    for v in numbers:
        if v > 1:
            break
        total += v
    return total, next(numbers)


def looked_for(x: Any, n: Any) -> Any:
    it, kept = iter([1, 2, 3, n]), iter([1, n])
    found = 2 in it
    held = Listed(kept)
    first = next(iter(held))
    return (
        found,
        list(it),
        n in Listed([1, n]),
        6 in Indexed(n),
        2 in map(abs, [1, -2]),
        first,
        list(kept),
    )  # type: ignore[operator]


class Kind(enum.Enum):
    A = "a"
    B = "b"


def classes_as_iterables(x: Any, n: Any) -> Any:
    return [k.name for k in Kind], list(Kind), [len(k.value) * n for k in Kind]


FUNCTIONS = [
    handed_on, turned_round, iter_in_loops, iter_of_numbers, looked_for, classes_as_iterables,
    read_twice, items_are_no_iterator, firsts, missing, classes,
    endless, read_on, beside_generators, sliced,
]  # fmt: skip


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_as_in_python(f: Any, backend: Any) -> None:
    def outcome(g: Any) -> Any:
        try:
            return repr(g(np.arange(5.0), 3))
        except StopIteration:
            return "stopped"

    assert outcome(sc.jit(f, backend=backend)) == outcome(f)


def left_early(x: Any) -> Any:
    g = (v * 2 for v in x)
    for v in g:
        if v > 1:
            break
    return sum(g)


def read_in_a_loop(x: Any) -> Any:
    z, total = zip(x, x, strict=False), 0.0
    for _ in range(len(x)):
        for u, v in z:
            total += u * v
    return total


def looked_in(x: Any) -> Any:
    g = (v * 2 for v in [1, 2, 3])
    return 2 in g, list(g)


@pytest.mark.parametrize("f", [left_early, read_in_a_loop, looked_in], ids=lambda f: f.__name__)
def test_what_is_left_of_an_iterator_is_not_guessed(f: Any) -> None:
    with pytest.raises(sc.StagecError, match="SC375: an iterator is read again"):
        sc.jit(f)(np.arange(5.0))


def two_generators(x: Any) -> Any:
    return [u * v for u, v in zip((u for u in x), (v for v in x), strict=False)]


def halved(x: Any) -> Any:
    while True:
        yield x
        x = x / 2


class Chain:
    def __init__(self, value: Any, rest: Any) -> None:
        self.value, self.rest = value, rest

    def __iter__(self) -> Any:
        link: Any = self
        while link is not None:
            yield link.value
            link = link.rest


def counted_endless(x: Any, n: int) -> Any:
    total = 0.0
    for k, v in enumerate(halved(x)):
        if k >= n:
            break
        total += v * k
    for k, v in enumerate(Chain(x, Chain(2 * x, None)), 1):
        total += v * k
    return total


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_enumerate_may_be_endless(backend: str) -> None:
    f = sc.jit(counted_endless, backend=backend)
    for n in (4, 0):
        assert f(1.5, n) == pytest.approx(counted_endless(1.5, n), rel=1e-14)
    slope = sc.grad(counted_endless, backend=backend)(1.5, 4)
    assert slope == pytest.approx(counted_endless(1.0, 4), rel=1e-14)


def behind_lengths(x: Any, n: int) -> Any:
    total = 0.0
    for k, v in zip(range(1, 2 * n, 2), halved(x[0]), strict=False):
        total += v * k
    for a, b, v in zip(x, [3.0, 4.0], halved(x[1]), strict=False):
        total += a * b * v
    return total


def asked_in_turn(x: Any, n: int) -> Any:
    asked = []

    def numbers() -> Any:
        k = 0
        while True:
            asked.append(k)
            if k >= n:
                raise ValueError("too far")
            yield k
            k += 1

    return [v * k for v, k in zip(x[:n], numbers(), strict=False)], len(asked)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("f", [behind_lengths, asked_in_turn], ids=lambda f: f.__name__)
def test_zip_asks_what_has_a_length_first(f: Any, backend: str) -> None:
    x = np.array([1.5, -2.0, 0.5])
    compiled = sc.jit(f, backend=backend)
    for n in (3, 0, 2):
        assert compiled(x, n) == f(x, n)


def behind_keys(x: Any) -> Any:
    return [v * k for k, v in zip({3: 1, 5: 2}, halved(x[1]), strict=False)]


@pytest.mark.parametrize("f", [two_generators, behind_keys], ids=lambda f: f.__name__)
def test_generators_that_end_in_turn_are_refused(f: Any) -> None:
    with pytest.raises(sc.StagecError, match="SC375: zip of generators"):
        sc.jit(f)(np.arange(5.0))


def test_known_iterators_are_not_read_in_loops() -> None:
    def f(x: Any) -> Any:
        known, total = itertools.permutations(range(3)), 0.0
        for v in x[:2]:
            total += v * next(known)[1]
        return total

    with pytest.raises(sc.StagecError, match="SC375: next of a"):
        sc.jit(f)(np.arange(5.0))
