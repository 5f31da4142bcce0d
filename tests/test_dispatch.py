"""The short way of a call: it is taken where it is safe, and nowhere else."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import stagec as sc
from stagec.errors import StagecError
from stagec_runtime import apart

SCALE = 2.0
TABLE = np.arange(3.0)


class Pair(NamedTuple):
    left: Any
    right: Any


class Long:
    """Counts the calls that go the long way."""

    def __init__(self, staged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        flatten = type(staged._compiler).flatten

        def counted(compiler: Any, *args: Any) -> Any:
            self.count += 1
            return flatten(compiler, *args)

        monkeypatch.setattr(type(staged._compiler), "flatten", counted)


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Long]:
    return lambda staged: Long(staged, monkeypatch)


def same(got: Any, want: Any) -> None:
    """Equal, and of the same types all through."""
    assert type(got) is type(want)
    if isinstance(want, dict):
        assert list(got) == list(want)
        got, want = list(got.values()), list(want.values())
    if isinstance(want, list | tuple):
        assert len(got) == len(want)
        for a, b in zip(got, want, strict=True):
            same(a, b)
    elif isinstance(want, np.ndarray):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)
    else:
        assert got == want


def add(a: Any, b: Any) -> Any:
    return a + b * 2


def ones(*shape: int, dtype: Any = float) -> Any:
    return np.ones(shape, dtype)


PLAIN = ones(3), ones(3)
OTHERS = {
    "dtype": (ones(3, dtype=np.float32), ones(3)),
    "byte order": (ones(3, dtype=">f8"), ones(3)),
    "rank": (ones(2, 3), ones(3)),
    "rank 0": (ones(), ones(3)),
    "length 1": (ones(3), ones(1)),
    "length 0": (ones(0), ones(0)),
    "other lengths": (ones(4), ones(4)),
    "strided": (ones(6)[::2], ones(3)),
    "read only": (np.broadcast_to(1.0, (3,)), ones(3)),
    "number": (ones(3), 1.0),
    "integer": (ones(3), 1),
    "truth": (ones(3), True),
    "NumPy scalar": (ones(3), np.float32(2)),
}


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("name", OTHERS)
def test_other_arguments_are_told_apart(name: str, backend: str) -> None:
    pytest.importorskip(backend)
    staged = sc.jit(add, backend=backend)
    for args in (PLAIN, PLAIN, OTHERS[name], OTHERS[name], PLAIN):
        same(staged(*args), add(*args))


def test_equal_lengths_are_tested() -> None:
    pytest.importorskip("numba")
    staged = sc.jit(add, backend="numba")
    for _ in range(2):
        same(staged(*PLAIN), add(*PLAIN))
        with pytest.raises(ValueError, match="broadcast"):
            staged(ones(3), ones(4))
    square = sc.jit(lambda a: a + a.T, backend="numba")
    square(ones(3, 3))
    with pytest.raises(ValueError, match="broadcast"):
        square(ones(3, 4))


def test_subclasses_of_arrays_go_the_long_way() -> None:
    class Mine(np.ndarray):
        pass

    staged = sc.jit(add)
    same(staged(*PLAIN), add(*PLAIN))
    mine = ones(3).view(Mine)
    same(staged(mine, ones(3)), add(mine, ones(3)))


def test_a_wrong_number_of_arguments_is_an_error() -> None:
    staged = sc.jit(add)
    staged(*PLAIN)
    for args in ((), PLAIN[:1], (*PLAIN, 1.0)):
        with pytest.raises((TypeError, StagecError)):
            staged(*args)
    same(staged(PLAIN[0], b=PLAIN[1]), add(*PLAIN))
    with pytest.raises((TypeError, StagecError)):
        staged(*PLAIN, c=1)


def shifted(a: Any, a0_n: float = 1.0, now: float = 2.0) -> Any:
    return a * a0_n + now


def test_arguments_by_name_and_by_default_go_the_short_way(long: Any) -> None:
    staged, x = sc.jit(shifted), ones(3)
    calls = [
        lambda f: f(x),
        lambda f: f(x, 3.0),
        lambda f: f(x, 3.0, 4.0),
        lambda f: f(x, now=5.0),
        lambda f: f(now=5.0, a=x),
        lambda f: f(a0_n=5.0, a=x, now=7.0),
    ]
    for _ in range(2):
        for call in calls:
            same(call(staged), call(shifted))
    counted = long(staged)
    for call in (*calls[:3], calls[5]):
        same(call(staged), call(shifted))
    assert not counted.count
    with pytest.raises(TypeError, match=r"shifted\(\) missing 1 required .* 'a'"):
        staged(now=1.0)
    with pytest.raises(TypeError, match=r"shifted\(\) takes from 1 to 3 .* but 4 were given"):
        staged(x, 1.0, 2.0, 3.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'b'"):
        staged(x, b=1.0)
    with pytest.raises(TypeError, match="multiple values for argument 'a'"):
        staged(x, a=x)


def test_functions_with_other_parameters_take_what_is_passed() -> None:
    def only(a: Any, /, *, b: Any = 2.0) -> Any:
        return a * b

    def rest(a: Any, *others: Any, **named: Any) -> Any:
        return a + sum(others) + sum(named.values())

    for fun in (only, rest):
        staged = sc.jit(fun)
        for _ in range(2):
            same(staged(3.0), fun(3.0))
            same(staged(3.0, b=4.0), fun(3.0, b=4.0))
    same(sc.jit(rest)(1.0, 2.0, 3.0, c=4.0), 10.0)


class Scaled:
    factor = 3.0

    def times(self, x: Any, y: Any = 2.0) -> Any:
        return self.factor * x * y


def test_methods_are_called_as_before() -> None:
    staged = sc.jit(Scaled().times)
    for _ in range(3):
        assert staged(2.0) == 12.0
        assert staged(2.0, 5.0) == 30.0
        assert staged(2.0, y=5.0) == 30.0


def test_an_array_passed_twice_is_seen() -> None:
    staged = sc.jit(lambda a, b: 1.0 if a is b else 2.0)
    x, y = ones(3), ones(3)
    for _ in range(2):
        assert staged(x, y) == 2.0
        assert staged(x, x) == 1.0
    eight = sc.jit(lambda *a: a[0] is a[7])
    arrays = [ones(2) for _ in range(8)]
    for _ in range(2):
        assert not eight(*arrays)
        assert eight(*arrays[:7], arrays[0])


def write(a: Any, b: Any, c: Any) -> Any:
    a[0] = b[1] + c[2]
    return b


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_what_is_written_to_is_apart(backend: str, long: Callable[[Any], Long]) -> None:
    pytest.importorskip(backend)
    staged = sc.jit(write, backend=backend)
    x, y, z = ones(3), ones(3), ones(3)
    assert staged(x, y, z) is y
    counted = long(staged)
    assert staged(x, y, z) is y
    assert x[0] == 2.0
    base = np.arange(12.0)
    assert staged(base[:3], base[3:6], base[6:9])[0] == 3.0
    assert base[0] == 12.0
    assert counted.count == 0
    for args in (
        (base[:3], base[2:5], z),
        (x, x[::-1], z),
        (base[::2][:3], base[:5][::-1], z),
        (x, y, np.frombuffer(x.data, x.dtype)),
        (x[:], y, x),
    ):
        with pytest.raises(StagecError, match="SC501"):
            staged(*args)
    base = np.arange(12.0)
    assert staged(base[::2], base[1::2], z)[1] == 3.0
    assert base[0] == 4.0


def test_memory_of_other_owners_is_apart() -> None:
    x = np.arange(6.0)
    assert apart([x], [x, ones(3), ones(6).reshape(2, 3).T])
    assert apart([x[:3]], [x[3:], ones(3)[::-1]])
    assert not apart([x[:3]], [x[2:]])
    assert not apart([x], [np.frombuffer(x.data, float)])
    assert apart([np.frombuffer(bytearray(8), float)], [np.frombuffer(bytearray(8), float)])


def test_numbers_that_staging_depends_on_are_tested() -> None:
    staged = sc.jit(lambda x, axis: np.sum(x, axis=axis))
    x = np.arange(6.0).reshape(2, 3)
    for axis in (0, 1, 0, -1, 1):
        same(staged(x, axis), np.sum(x, axis=axis))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_signs_of_integers_are_tested(backend: str) -> None:
    """A negative `m` counts from the end in `x[m:]`, and makes `range(m + 1)` empty."""
    pytest.importorskip(backend)

    def f(x: Any, m: int) -> Any:
        total = np.sum(x[m:])
        for k in range(m + 1):
            total = total * 2 + x[k]
        return total

    staged = sc.jit(f, backend=backend)
    x = np.arange(6.0)
    for m in (2, 2, -1, 0, -3, 2, -1):
        same(staged(x, m), f(x, m))


def test_lengths_that_staging_depends_on_are_tested() -> None:
    def f(x: Any) -> Any:
        total = 0.0
        for k in sc.unroll(range(x.shape[0])):
            total = total * 2 + x[k]
        return total

    staged = sc.jit(f)
    for n in (2, 3, 2, 4, 3):
        same(staged(np.arange(float(n))), f(np.arange(float(n))))


def test_layouts_that_staging_depends_on_are_tested() -> None:
    def f(x: Any) -> Any:
        y = x.reshape(-1)
        y[1] = 7.0
        return x

    staged = sc.jit(f)
    for order in ("C", "F", "C", "F"):
        same(staged(np.zeros((2, 3), order=order)), f(np.zeros((2, 3), order=order)))


def test_static_arguments_are_tested(long: Callable[[Any], Long]) -> None:
    def f(x: Any, how: Any, p: Any) -> Any:
        return x**p if how == "power" else x * p

    staged = sc.jit(f, static_argnames="p")
    cases = [("power", 2), ("power", 3), ("times", 2), ("times", 2.0), ("power", True)]
    for how, p in cases * 2:
        same(staged(ones(3) * 2, how, p), f(ones(3) * 2, how, p))
    counted = long(staged)
    staged(ones(3), "".join(["pow", "er"]), 2)
    assert counted.count == 0


def test_captured_values_are_tested(
    monkeypatch: pytest.MonkeyPatch, long: Callable[[Any], Long]
) -> None:
    offset = 1.0

    def f(x: Any) -> Any:
        return np.sum(x * SCALE + TABLE) + offset

    staged = sc.jit(f)
    same(staged(ones(3)), f(ones(3)))
    counted = long(staged)
    same(staged(ones(3)), f(ones(3)))
    assert counted.count == 0
    for name, value in (
        ("SCALE", 3.0), ("SCALE", 3), ("TABLE", np.ones(3)), ("TABLE", np.ones(3, int)),
        ("SCALE", 4.0), ("TABLE", np.ones((2, 3))), ("TABLE", 2.0),
    ):  # fmt: skip
        monkeypatch.setitem(globals(), name, value)
        for _ in range(2):
            same(staged(ones(3)), f(ones(3)))
    offset = 2.0
    same(staged(ones(3)), f(ones(3)))
    monkeypatch.delitem(globals(), "SCALE")
    with pytest.raises((NameError, StagecError), match="SCALE"):
        staged(ones(3))


def test_attributes_of_objects_are_tested() -> None:
    model = SimpleNamespace(rate=2.0, parts=[1.0, 2.0])
    staged = sc.jit(lambda x: x * model.rate + model.parts[-1])
    for change in (
        lambda: None,
        lambda: setattr(model, "rate", 3.0),
        lambda: setattr(model, "rate", 4.0),
        lambda: model.parts.append(5.0),
        lambda: model.parts.__setitem__(-1, 6.0),
    ):
        change()
        for _ in range(2):
            assert staged(1.0) == model.rate + model.parts[-1]


def shared(a: Any, b: Any) -> Any:
    pair = [a, b + 1]
    return {"p": pair, "q": pair, "t": Pair(b, None), "s": "text"}


RESULTS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "nothing": (lambda a: None, (ones(2),)),
    "argument": (lambda a: a, (ones(2),)),
    "container": (lambda d: d, ({"x": 1.0},)),
    "constant": (lambda a: "text", (1.0,)),
    "tuple of one": (lambda a: (a + 1,), (1.0,)),
    "swapped": (lambda a, b: (b + 1, a + 1), (1.0, 2)),
    "nested": (lambda a: [(a + 1, [a]), {}, ()], (ones(2),)),
    "shared": (shared, (ones(2), 1.0)),
    "trees": (lambda t: t[0]["b"] + t[1][0] * t[0]["a"], (({"a": 2.0, "b": ones(2)}, [3]),)),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_made(name: str, long: Callable[[Any], Long]) -> None:
    f, args = RESULTS[name]
    staged = sc.jit(f)
    staged(*args)
    counted = long(staged)
    got, want = staged(*args), f(*args)
    assert counted.count == 0
    same(got, want)
    if want is args[0]:
        assert got is args[0]
    elif isinstance(want, list | dict):
        assert staged(*args) is not got
    if name == "shared":
        assert got["p"] is got["q"]


def test_trees_of_other_structure_are_told_apart() -> None:
    def f(tree: Any) -> Any:
        return [v * 2 for v in tree.values()] if isinstance(tree, dict) else tree[0]

    staged = sc.jit(f)
    for tree in (
        {"a": 1.0, "b": 2}, {"b": 2, "a": 1.0}, {"a": 1.0}, {"a": 1.0, "c": 2}, [1.0], (1.0,),
        [1.0, 2.0], {"a": 1, "b": 2},
    ) * 2:  # fmt: skip
        same(staged(tree), f(tree))


def test_exceptions_are_annotated_once() -> None:
    staged = sc.jit(lambda x, k: x[k])
    assert staged(ones(3), 1) == 1.0
    for _ in range(2):
        with pytest.raises(IndexError) as caught:
            staged(ones(3), 5)
        assert len(caught.value.__notes__) == 1


def test_many_versions_are_all_right() -> None:
    staged = sc.jit(add)
    cases = [(ones(*(2,) * rank, dtype=t), 1.0) for rank in range(1, 5) for t in "fdFD"]
    for args in cases * 2:
        same(staged(*args), add(*args))
    assert len(staged._compiler.history) == len(cases)


def test_compiled_is_the_generated_function_itself() -> None:
    staged = sc.jit(add)
    bare = staged.compiled(*PLAIN)
    same(bare(*PLAIN), add(*PLAIN))
    assert bare.__code__.co_argcount == 2
    assert bare is staged.compiled(ones(4), ones(5))
    assert bare is not staged.compiled(ones(2, 2), ones(2))


def test_a_staged_function_is_freed() -> None:
    def made() -> Iterator[Any]:
        staged = sc.jit(lambda x: x + 1)
        staged(ones(2))
        staged(ones(2))
        yield weakref.ref(staged)

    (found,) = made()
    gc.collect()
    assert found() is None


def test_static_tuples_of_other_types_are_other_values() -> None:
    def ratio(x: Any, parts: Any) -> Any:
        return x * parts[0] / parts[1] if isinstance(parts[0], float) else x * (parts[0] // 2)

    staged = sc.jit(ratio, static_argnames="parts")
    x = np.ones(2)
    for parts in ((3, 2), (3.0, 2), (True, 2), (3, 2), (3.0, 2)):
        np.testing.assert_array_equal(staged(x, parts), ratio(x, parts))
