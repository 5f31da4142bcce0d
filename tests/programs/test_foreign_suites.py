"""What programs written for other systems do: containers of arguments, `out=`, writers."""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.array([0.55, -3.0, 2.26, 1.0])
M = np.array([[2.0, 1.0], [1.0, 3.5]])
W = np.arange(12.0).reshape(3, 4)


def popped(rows: Any) -> Any:
    return rows.pop()


def exchanged(rows: Any) -> Any:
    rows[0], rows[1] = rows[1], rows[0]
    return rows


def nested(rows: Any, more: Any) -> None:
    rows.append(more)
    rows[-1].append(7)


def written_dict(d: Any) -> Any:
    d["a"]["x"], d["b"] = 3.0, [1.0]
    return d["c"]


def moved_between(a: Any, b: Any) -> Any:
    a.append(b.pop())
    return a is b


def first_of_rows(rows: Any) -> Any:
    rows[0].append(3)
    return rows


def ordering(a: Any, b: Any) -> Any:
    return a < b, a <= b, a > b, a >= b, a == b, a != b, a in [b], max(a, b), min(a, b)


def nearest(x: Any) -> Any:
    best = (1e9, -1)
    for i in range(len(x)):
        if (x[i], i) < best:
            best = (x[i], i)
    return best


def writers(a: Any, m: Any) -> None:
    a.put([0, 5], [9.0, 8.0], mode="wrap")
    np.put(m, [-1, 2], [5.0, 6.0])
    np.putmask(a, a < 0, [1.0, 2.0, 3.0])
    np.fill_diagonal(m, [7.0, 8.0])
    np.place(m, m > 7, [0.5])
    np.put_along_axis(m, np.array([[1], [0], [2]]), -1.0, axis=1)
    np.copyto(a, 3.0, where=a > 2)
    a.partition(2)


def outputs(a: Any, o: Any, q: Any) -> Any:
    np.clip(a, -1, 1, o)
    first = o.copy()
    a.round(1, o)
    second = o.copy()
    np.cumsum(a, 0, None, o)
    np.mean(np.ones((3, 4)) * a, 1, None, q)
    np.take(a, [1, 2, 0], 0, q)
    both = np.divmod(a, 2.0, out=(np.zeros(4), first))
    return first, second, np.dot(np.eye(3), q.copy(), q), both


def into_integers(a: Any, o: Any) -> None:
    np.add(a, 1.5, o)


def matmul_in_place(a: Any) -> None:
    a @= a


def drained(n: Any) -> Any:
    left, total = list(range(n)), 0
    while len(left) > 0:
        total += len(left) * left.pop()
    return total, len(left)


def indices(m: Any) -> Any:
    total = 0.0
    for i, j in np.ndindex(m.shape):
        total += m[i, j] * i
    for (i, j), v in np.ndenumerate(m):
        total += v * (i - j)
    return total


def ranges(n: Any) -> Any:
    return (
        np.arange(0, n, 1, np.float64),  # pyright: ignore
        np.arange(n, dtype=np.float64) + np.arange(n),
        np.arange(stop=n),  # pyright: ignore
    )


def decompositions(m: Any) -> Any:
    sign = np.linalg.slogdet(m)
    return np.linalg.svd(m).S, np.linalg.eigh(m).eigenvalues, sign.logabsdet, sign


def half_read(x: Any) -> Any:
    it = iter(range(7))
    return list(zip(range(3), it, strict=False)), list(it), x == None, x != None  # noqa: E711


def range_fields(n: Any) -> Any:
    r = range(1, n, 2)
    return r.start, r.stop, r.step, list(zip())


class OutOfRangeError(Exception):
    """Raised by `checked`."""


def checked(v: Any) -> Any:
    if v < 0:
        raise OutOfRangeError("negative", v)
    if v > 10:
        raise ValueError(v)
    return v * 2.0


def rescued(x: Any) -> Any:
    try:
        y = checked(x) + checked(x - 5)
    except OutOfRangeError as e:
        return e.args[1] - 1.0
    except ValueError as e:
        return e.args[0] + 0.5
    finally:
        print("done")  # noqa: T201
    return y


def rescued_twice(x: Any, y: Any) -> Any:
    try:
        try:
            checked(x)
            print("first")  # noqa: T201
        except OutOfRangeError:
            checked(y)
            print("second")  # noqa: T201
    except ValueError:
        print("third")  # noqa: T201
    return [checked(v) for v in [1.0, 2.0, x]]


class Forgiving:
    def __enter__(self) -> Forgiving:
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> bool:
        return kind is OutOfRangeError


def forgiven(x: Any) -> Any:
    y = 0.0
    with Forgiving():
        y = checked(x)
        y += 1.0
    return y


def rescued_in_loop(x: Any) -> Any:
    t = 0.0
    for i in range(4):
        try:
            t += checked(x - i)
        except OutOfRangeError:
            t -= 1.0
    return t


def printed(x: Any, n: Any) -> Any:
    found = []
    for i in range(n):
        found.append(i * 2)
    print(found, (x, n), [x, (n,)], {"k": x, "l": [1, []]}, x[0])  # noqa: T201
    return f"{found} {(n, found)} {[n]!r}", str([x[0], 1]), repr((n,))


SHARED = [1, 2]
PROGRAMS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (popped, ([[1.0], [2.0]],)),
    (popped, ([X, M],)),
    (exchanged, ([[1, 2, 3], [4, 5, 6]],)),
    (nested, ([[0, 1], [2, 3]], [4, 5])),
    (written_dict, ({"a": {"x": 1.0}, "b": 2.0, "c": [1.0, {"y": 2.0}]},)),
    (moved_between, (SHARED, SHARED)),
    (moved_between, ([1, 2], [1, 2])),
    (first_of_rows, ([SHARED, SHARED],)),
    (first_of_rows, ([[1, 2], [1, 2]],)),
    (ordering, ((1, 2.0), (1, 3.0))),
    (ordering, ((1, 2), (1, 2))),
    (ordering, ([1, 2, 3], [1, 2])),
    (nearest, (X,)),
    (writers, (X, W)),
    (outputs, (X, np.zeros(4), np.zeros(3))),
    (into_integers, (X, np.zeros(4, int))),
    (matmul_in_place, (X,)),
    (matmul_in_place, (M,)),
    (drained, (4,)),
    (indices, (W,)),
    (ranges, (5,)),
    (decompositions, (M,)),
    (half_read, (1.0,)),
    (range_fields, (9,)),
    *((f, (x,)) for f in (rescued, forgiven, rescued_in_loop) for x in (-1.0, 2.0, 7.0, 12.0)),
    (rescued_twice, (-1.0, 12.0)),
    (rescued_twice, (-1.0, 1.0)),
    (rescued_twice, (1.0, 1.0)),
    (printed, (X, 3)),
    (lambda x: np.resize([1, 2, 3], (2, 4)) * x, (2.0,)),
]


def outcome(function: Callable[..., Any], args: Any) -> Any:
    """The result or the kind of exception, the arguments afterwards, and what was printed."""
    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text):
            result = function(*args)
    except (TypeError, ValueError, OutOfRangeError) as error:
        return error.__class__.__mro__[-4:], repr(args), text.getvalue()
    return repr(result), repr(args), text.getvalue()


LOOPS = (nearest, drained, indices, ranges, into_integers)
CASES = [("numpy", f, a) for f, a in PROGRAMS] + [
    ("numba", f, a) for f, a in PROGRAMS if f in LOOPS
]


@pytest.mark.parametrize(("backend", "function", "args"), CASES)
def test_as_python(backend: str, function: Callable[..., Any], args: Any) -> None:
    expected = outcome(function, copy.deepcopy(args))
    staged = sc.jit(function, backend=backend)
    assert outcome(staged, copy.deepcopy(args)) == expected
    assert outcome(staged, copy.deepcopy(args)) == expected


def test_the_same_list_twice_is_another_program() -> None:
    """A version compiled for two lists does not serve one list passed twice."""
    staged = sc.jit(moved_between)
    for shared in (False, True, False):
        a = [1, 2]
        b = a if shared else [1, 2]
        assert staged(a, b) is shared
        assert (a, b) == (([1, 2], [1, 2]) if shared else ([1, 2, 2], [1]))


def test_a_list_that_may_be_the_callers_is_not_changed() -> None:
    def chosen(xs: Any, flag: Any) -> Any:
        if flag:
            xs = [11.0, 22.0]
        xs.append(1.0)
        return xs

    with pytest.raises(sc.StagecError, match="SC315"):
        sc.jit(chosen)([1.0, 2.0], 3.0)


def test_a_container_that_contains_itself_is_refused() -> None:
    rows: list[Any] = [1.0]
    rows.append(rows)
    with pytest.raises(sc.StagecError, match="SC404"):
        sc.jit(lambda xs: xs[0])(rows)


def test_gradients_of_what_a_handler_returns() -> None:
    for x, expected in ((-1.0, 1.0), (2.0, 1.0), (7.0, 4.0), (12.0, 1.0)):
        assert sc.grad(rescued)(x) == expected
        assert sc.jvp(rescued, (x,), (1.0,))[1] == expected


def test_gradients_through_writers() -> None:
    def f(x: Any) -> Any:
        a = np.zeros((2, 2))
        np.fill_diagonal(a, x[:2] * x[1])
        np.copyto(a, x[2], where=a > 0.5)
        o = np.zeros(4)
        np.cumsum(x * x, 0, None, o)
        return a.sum() + o @ x

    step = np.eye(4) * 1e-6
    expected = [(f(X + h) - f(X - h)) / 2e-6 for h in step]
    np.testing.assert_allclose(sc.grad(f)(X), expected, rtol=1e-6)
    np.testing.assert_allclose(sc.jacfwd(f)(X), expected, rtol=1e-6)


@pytest.mark.parametrize("join", [np.concatenate, np.concat])
def test_the_axis_of_a_join_by_position(join: Any) -> None:
    def f(a: Any) -> Any:
        return join((a, 2 * a), 1)

    def into(a: Any, out: Any) -> Any:
        return join((a, a), 0, out)

    np.testing.assert_array_equal(sc.jit(f)(M), f(M))
    out = np.zeros((4, 2))
    assert sc.jit(into)(M, out) is out
    np.testing.assert_array_equal(out, np.concatenate((M, M)))


def test_functions_that_a_test_chooses_between_are_called_in_each_branch() -> None:
    def f(x: float) -> Any:
        a = x * x

        def chosen() -> Any:
            b = x + 5

            def g() -> Any:
                return a + b

            def h() -> Any:
                return a * b

            return g if x < 0 else h

        return chosen()()

    np.testing.assert_allclose(sc.grad(f)(4.5), 3 * 4.5**2 + 10 * 4.5)
    np.testing.assert_allclose(sc.grad(f)(-4.5), 2 * -4.5 + 1)


def test_tests_and_conversions_inside_try() -> None:
    def f(x: Any) -> Any:
        try:
            if x[0] > 100:
                raise ValueError("large")
            y = float(x[0]) * 2
        except ValueError:
            y = x[1]
        return y

    for x in (X, 1000 * X):
        assert sc.jit(f)(x) == f(x)


class Scaled:
    def __init__(self, scale: Any) -> None:
        self.scale = scale

    def total(self, x: Any, n: int = 2) -> Any:
        return np.sum(self.scale * x**n)

    def __call__(self, x: Any) -> Any:
        return np.sum(self.scale * x**3)


@pytest.mark.parametrize(
    "function_of",
    [
        lambda model: model,
        lambda model: model.total,
        lambda model: lambda x: model(x) * 2,
        lambda model: functools.partial(model.total, n=3),
        lambda model: functools.partial(Scaled.total, model),
        lambda model: functools.partial(
            lambda held, x: np.sum(held["m"].scale * x), {"m": model}
        ),
    ],
)
def test_what_a_method_or_partial_holds_is_looked_at_in_each_call(function_of: Any) -> None:
    model = Scaled(2.0)
    function = function_of(model)
    staged, gradient = sc.jit(function), sc.grad(function)
    for scale in (2.0, 3.0, np.array([1.0, 2.0, 3.0, 4.0])):
        model.scale = scale
        step = 1e-6 * X
        slope = (function(X + step) - function(X - step)) / 2e-6
        np.testing.assert_allclose(staged(X), function(X))
        np.testing.assert_allclose(np.sum(gradient(X) * X), slope, rtol=1e-6)


def test_parameters_of_a_bound_method() -> None:
    staged = sc.jit(Scaled(2.0).total, static_argnums=1)
    np.testing.assert_allclose(staged(X, 3), np.sum(2.0 * X**3))
    assert "def total(x):" in staged.source(X, 3)


def test_jit_inside_staged_code() -> None:
    def f(x: Any) -> Any:
        @sc.jit
        def square(y: Any) -> Any:
            return y**2

        @sc.jit(static_argnames="n")
        def times(y: Any, n: int) -> Any:
            return y * n

        return np.sum(square(x)) + sc.jit(np.sum)(times(x, n=3))

    np.testing.assert_allclose(sc.grad(f)(X), 2 * X + 3)


def test_a_function_that_always_raises_does_so_under_grad() -> None:
    def refused(x: Any) -> Any:
        raise ValueError("mine")

    def misspelt(x: Any) -> Any:
        return np.sum(x.summ)

    with pytest.raises(ValueError, match="mine") as caught:
        sc.grad(refused)(X)
    assert __file__ in caught.value.__notes__[0]
    with pytest.raises(AttributeError, match="summ"):
        sc.grad(misspelt)(X)


class Doubled(np.ndarray[Any, Any]):
    """Its operators do not mean what those of arrays mean."""

    def __mul__(self, other: Any) -> Any:
        return np.asarray(self) * 2


with warnings.catch_warnings(action="ignore"):
    MATRIX: Any = np.matrix([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize("x", [X.view(Doubled), np.ma.array(X, mask=X < 0), MATRIX])
def test_subclasses_of_arrays_with_operations_of_their_own_are_refused(x: Any) -> None:
    with pytest.raises(sc.StagecError, match=r"SC309.*class"):
        sc.grad(lambda a: np.sum(a * a))(x)
    for backend in ("numpy", "numba"):
        with pytest.raises(sc.StagecError, match=r"SC309.*class"):
            sc.jit(lambda a: np.sum(a * a), backend=backend)(x)


class Named(np.ndarray[Any, Any]):
    """An array with a name, which computes as others do."""

    def __array_finalize__(self, other: Any) -> None:
        self.title = getattr(other, "title", "")


@pytest.mark.parametrize("kind", [np.recarray, np.memmap, Named])
def test_subclasses_of_arrays_that_compute_alike_are_compiled(kind: Any, tmp_path: Any) -> None:
    x: Any = (
        X.view(kind)
        if kind is not np.memmap
        else np.memmap(tmp_path / "x", X.dtype, "w+", shape=X.shape)
    )
    x[...] = X
    for backend in ("numpy", "numba"):
        f = sc.jit(lambda a: np.sum(a[::-1] * a), backend=backend)
        np.testing.assert_allclose(f(x), np.sum(x[::-1] * x), rtol=1e-14)


TABLE: Any = np.array([[1.0, 2.0], [3.0, 4.0]])


def test_a_captured_array_that_becomes_a_matrix_is_noticed() -> None:
    global TABLE
    f = sc.jit(lambda x: x * TABLE)
    x = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert np.all(f(x) == x * TABLE)
    TABLE = MATRIX
    try:
        with pytest.raises(sc.StagecError, match=r"SC309.*matrix"):
            f(x)
    finally:
        TABLE = np.asarray(MATRIX)


def test_long_doubles_are_refused() -> None:
    for transform in (sc.jit, sc.grad):
        with pytest.raises(sc.StagecError, match=r"SC404.*(longdouble|float128)"):
            transform(np.sum)(X.astype(np.longdouble))
