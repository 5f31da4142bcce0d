"""What Python promises holds for staged code: identity, aliasing, effects, captures."""

import collections
import contextlib
import copy
import functools
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def agrees(f: Callable[..., Any], *makers: Callable[[], Any]) -> None:
    """`jit(f)` returns what `f` returns, and leaves its arguments as `f` leaves them."""
    ours, theirs = [m() for m in makers], [m() for m in makers]
    want, got = f(*theirs), sc.jit(f)(*ours)
    np.testing.assert_allclose(got, want)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b)


def test_same_array_twice_with_a_write() -> None:
    def f(a: Any, b: Any) -> Any:
        a[0] = a[1] * 2
        return b.sum() + a[0]

    x = np.arange(3.0) + 1
    y = x.copy()
    assert f(x, x) == sc.jit(f)(y, y)
    np.testing.assert_array_equal(x, y)


def test_overlapping_arguments_are_refused() -> None:
    def f(a: Any, b: Any) -> Any:
        a[0] = 5.0
        return b.sum()

    z = np.arange(6.0)
    with pytest.raises(sc.StagecError, match="overlaps another"):
        sc.jit(f)(z[:4], z[2:])
    np.testing.assert_array_equal(z, np.arange(6.0))


@pytest.mark.parametrize("order", ["C", "F"])
def test_reshaped_and_written(order: Any) -> None:
    def f(a: Any) -> Any:
        b = a.reshape(-1)
        b[0] = 7.0
        return a.sum() + b.sum()

    agrees(f, lambda: np.array(np.arange(6.0).reshape(2, 3), order=order))


def test_slice_of_run_time_length_one() -> None:
    def f(x: Any, w: Any, k: int) -> Any:
        return np.sum(x[:k] * w)

    x, w = np.arange(4.0) + 1, np.arange(4.0) * 2 + 1
    dx, dw = sc.grad(f, argnums=(0, 1))(x, w, 1)
    np.testing.assert_allclose(dx, [w.sum(), 0, 0, 0])
    np.testing.assert_allclose(dw, np.full(4, x[0]))
    np.testing.assert_allclose(sc.grad(f)(x, w, 4), w)


def test_best_starts_as_none() -> None:
    def f(x: Any) -> Any:
        best = None
        for v in x:
            if best is None or v > best:
                best = v
        return best

    agrees(f, lambda: normal(0, 5))
    gradient = sc.grad(f)(normal(0, 5))
    np.testing.assert_array_equal(gradient, normal(0, 5) == normal(0, 5).max())


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_two_arguments_swapped_in_a_loop(n: int) -> None:
    def f(x: Any, y: Any, n: int) -> Any:
        for _ in range(n):
            x[0] += 1.0
            x, y = y, x
        return x[0] * 10 + y[0]

    agrees(f, lambda: np.arange(3.0), lambda: np.arange(3.0) + 5, lambda: n)


def test_pullback_called_twice() -> None:
    x = np.arange(3.0)
    _, pull = sc.vjp(lambda x: np.sin(x) * x, x)
    x[:] = 7.0  # the pullback keeps what it needs
    first, second = pull(np.ones(3))[0], pull(np.ones(3))[0]
    at = np.arange(3.0)
    np.testing.assert_allclose(first, np.cos(at) * at + np.sin(at))
    np.testing.assert_array_equal(first, second)


def test_print_happens_once_under_grad() -> None:
    def f(x: Any) -> Any:
        print("v", x)  # noqa: T201
        return x * x

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        gradient = sc.grad(f)
        gradient(2.0)
        gradient(3.0)
    assert out.getvalue() == "v 2.0\nv 3.0\n"


def test_returned_objects_are_the_same_objects() -> None:
    def f(x: Any) -> Any:
        y = x * 2
        return y, y[1:], {"a": [x, y]}

    x = np.arange(3.0)
    assert sc.jit(lambda x: x)(x) is x
    y, view, tree = sc.jit(f)(x)
    assert tree["a"][0] is x
    assert tree["a"][1] is y
    assert view.base is y


class Scale:
    def __init__(self, k: float) -> None:
        self.k = k

    @sc.jit
    def times(self, x: Any) -> Any:
        return self.k * x

    @sc.jit
    def change(self, k: Any) -> Any:
        self.k = k
        return self.k + 1


def test_methods() -> None:
    a, b = Scale(2.0), Scale(3.0)
    assert a.times(1.5) == 3.0
    assert b.times(1.5) == 4.5
    a.k = 5.0
    assert a.times(1.5) == 7.5
    assert a.change(9.0) == 10.0
    assert a.k == 9.0


def plus_one(h: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(h)
    def wrapper(*args: Any) -> Any:
        return h(*args) + 1

    return wrapper


@plus_one
def helper(x: Any) -> Any:
    return x * 2


def test_decorator_of_a_helper_is_kept() -> None:
    assert sc.jit(lambda x: helper(x))(3.0) == 7.0


def test_dict_and_list_of_the_caller_change_in_place() -> None:
    def f(d: Any, xs: Any) -> Any:
        d["a"] = d["a"] * 2
        d["n"] = d["a"] + 1
        xs.append(d["a"])
        xs[0] = 5.0
        return d["n"]

    d, xs = {"a": 2.0}, [1.0]
    assert sc.jit(f)(d, xs) == 5.0
    assert d == {"a": 4.0, "n": 5.0}
    assert xs == [5.0, 4.0]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_newton_from_zero_raises_nothing_new() -> None:
    def f(a: Any) -> Any:
        x = 0.0 * a
        for _ in range(3):
            x = x - (x**2 - a) / (2 * x + 1e-3) if x != 0 else a * 0.5 + x**0.5
        return x

    assert np.isfinite(f(2.0))
    sc.grad(f)(2.0)  # an infinite slope is no ZeroDivisionError


FACTOR = 2.0
WEIGHTS = np.ones(3)
OPTIONS: dict[str, Any] = {"a": 1.0, "list": [1, 2]}


def test_changed_global(monkeypatch: pytest.MonkeyPatch) -> None:
    f = sc.jit(lambda x: x * FACTOR)
    for value in (2.0, 3.0, 4.0, 5.0, 6):
        monkeypatch.setattr(f"{__name__}.FACTOR", value, raising=False)
        monkeypatch.setitem(f.eager.__globals__, "FACTOR", value)
        assert f(1.5) == 1.5 * value
    # the first change makes the number an input: no compilation for each value
    assert len(f.explain(1.5).specialisations) <= 4


def test_changed_array_dict_and_list() -> None:
    weights, options = np.ones(3), {"a": 1.0, "list": [1, 2]}
    f = sc.jit(lambda x: (x * weights).sum() * options["a"] + len(options["list"]))
    x = np.arange(3.0)
    assert f(x) == 5.0
    weights[:] = 2
    assert f(x) == 8.0
    options["a"] = 0.5
    assert f(x) == 5.0
    options["list"].append(3)
    assert f(x) == 6.0


def test_changed_closure_cell() -> None:
    k = 3.0

    def f(x: Any) -> Any:
        return x * k

    staged = sc.jit(f)
    assert staged(2.0) == 6.0
    k = 4.0
    assert staged(2.0) == 8.0


def test_one_compile_serves_all_batch_sizes() -> None:
    f = sc.jit(lambda x, w: np.tanh(x @ w).sum())
    for n in (2, 5, 7, 100):
        f(np.ones((n, 3)), np.ones((3, 4)))
    assert f.explain(np.ones((2, 3)), np.ones((3, 4))).specialisations == ("the first call",)
    f(np.ones((1, 3)), np.ones((3, 4)))
    assert len(f.explain(np.ones((2, 3)), np.ones((3, 4))).specialisations) == 2


def test_nested_gradients_are_not_confused() -> None:
    assert sc.grad(lambda x: x * sc.grad(lambda y: x + y)(1.0))(1.0) == 1.0
    np.testing.assert_allclose(sc.grad(sc.grad(lambda x: x**3))(2.0), 12.0)


def test_trees_aux_and_integers() -> None:
    def f(p: Any, x: Any) -> Any:
        return (p["w"] * x).sum(), {"a": p["w"]}

    params = {"w": np.ones(3), "k": 2}
    (value, aux), grads = sc.value_and_grad(f, has_aux=True)(params, np.arange(3.0))
    assert value == 3.0
    assert grads["k"] is None
    np.testing.assert_array_equal(grads["w"], [0, 1, 2])
    np.testing.assert_array_equal(aux["a"], params["w"])


def test_argnames() -> None:
    def f(x: Any, y: Any, z: Any = 1.0) -> Any:
        return x * y * z

    inner = sc.jit(lambda *args, **named: sc.grad(f, argnames="y")(*args, **named))
    for gradient in (sc.grad(f, argnames="y"), inner):
        assert gradient(2.0, y=3.0) == 2.0
        assert gradient(2.0, 3.0) == 2.0
        assert gradient(x=2.0, y=3.0) == 2.0
    assert sc.grad(f, argnames=("z", "x"))(2.0, 3.0, z=5.0) == (6.0, 15.0)
    assert sc.grad(f, argnums=(1,), argnames="x")(2.0, 3.0, 5.0) == (10.0, 15.0)
    with pytest.raises(sc.StagecError, match="SC412: grad: there is no z"):
        sc.grad(f, argnames="z")(2.0, 3.0)


def test_none_on_one_path() -> None:
    f = sc.jit(lambda x: None if x > 0 else x * 2)
    assert f(1.0) is None
    assert f(-1.0) == -2.0


def test_float32_stays_float32() -> None:
    gradient = sc.grad(lambda x: np.sum(x * 2.0) ** 2)(np.ones(3, np.float32))
    assert gradient.dtype == np.float32


def test_kinds_of_gradients() -> None:
    assert type(sc.grad(lambda x: np.sin(x) * x)(1.5)) is float
    assert type(sc.grad(lambda x: x * x)(np.float64(1.5))) is np.float64
    assert type(sc.grad(lambda x: np.sum(x * x))(np.array(1.5))) is np.ndarray


def test_fresh_gradients() -> None:
    x, y = np.ones(3), np.arange(3.0)
    gradient = sc.grad(lambda x, y: np.sum(x * y))(x, y)
    assert not np.shares_memory(gradient, y)


def test_list_appended_while_iterated() -> None:
    def f(x: Any) -> Any:
        items = [1.0, 2.0]
        total = 0.0
        for v in items:
            total = total + v * x
            if len(items) < 5:
                items.append(v + 1.0)
        return total

    assert sc.jit(f)(2.0) == f(2.0)


def test_exception_notes_the_users_line() -> None:
    def f(x: Any, n: int) -> Any:
        return x[n]

    with pytest.raises(IndexError) as caught:
        sc.jit(f)(np.ones(3), 7)
    assert "test_semantics.py" in caught.value.__notes__[0]
    assert "return x[n]" in caught.value.__notes__[0]


def test_generated_code_is_a_file_that_inspect_can_read() -> None:
    import inspect

    f = sc.jit(lambda x: np.tanh(x) + 1)
    f(1.0)
    entry = f.compiled(1.0)
    assert "np.tanh(x) + 1" in inspect.getsource(entry)
    assert inspect.getsource(entry) in f.source(1.0)


def positional_out(x: Any) -> Any:
    y = x.copy()
    np.multiply(y, x, y)
    np.add(y, 1.0, y)
    mask = y > 4.0
    returned = np.logical_not(mask, mask)
    returned[0] = False
    return y, mask


def test_the_last_argument_of_a_ufunc_may_be_the_output() -> None:
    x = np.array([0.5, 2.0, 3.0])
    for found, expected in zip(sc.jit(positional_out)(x), positional_out(x), strict=True):
        np.testing.assert_array_equal(found, expected)
    slope = sc.grad(lambda v: np.sum(positional_out(v)[0]))(x)
    np.testing.assert_array_equal(slope, 2 * x)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_numpy_functions_of_python_numbers_raise_nothing(backend: str) -> None:
    def f(s: float) -> Any:
        try:
            return np.sqrt(s) + np.log(s)
        except ValueError:
            return -1.0

    staged = sc.jit(f, backend=backend)
    assert staged(4.0) == f(4.0)
    with np.errstate(invalid="ignore"):
        assert np.isnan(staged(-1.0))


@pytest.mark.parametrize("n", [0, 3])
def test_extremes_of_an_iterator_that_may_be_empty(n: int) -> None:
    def f(x: Any, n: int) -> Any:
        first = max((v * 2.0 for v in x[:n]), default=-1.0)
        second = min(x[:n], default=x[3])
        return first, second, max(list(x), default=0.0), max([], default=x[1])

    x = np.array([0.5, 2.0, -1.0, 4.0])
    assert sc.jit(f)(x, n) == f(x, n)


def test_a_default_beside_several_numbers() -> None:
    def f(x: Any) -> Any:
        return max(x, 2.0, default=1.0)  # type: ignore[call-overload]

    for run in (f, sc.jit(f)):
        with pytest.raises(TypeError, match="Cannot specify a default for max"):
            run(1.0)


class Guarded:
    def __init__(self, value: Any) -> None:
        self.value = value

    @property
    def scale(self) -> Any:
        raise ZeroDivisionError("no scale")


def test_a_property_that_raises() -> None:
    def asked(x: Any) -> Any:
        return 1.0 if hasattr(Guarded(x), "scale") else 2.0

    def read(x: Any) -> Any:
        return x + Guarded(x).scale

    def caught(x: Any) -> Any:
        try:
            return x + Guarded(x).scale
        except ZeroDivisionError:
            return x * 3.0

    for f in (asked, read):
        for run in (f, sc.jit(f)):
            with pytest.raises(ZeroDivisionError, match="no scale"):
                run(1.0)
    assert sc.jit(caught)(2.0) == caught(2.0)


def test_tuples_are_sorted_by_what_is_known_of_them() -> None:
    def f(x: Any) -> Any:
        named = {"b": x[0], "a": x[1] * 2.0}
        pairs = sorted([(2, x[0]), (1,), (1.5, x)], reverse=True)
        return (
            [v for _, v in sorted(named.items())], sorted([(3, 1), (1, 2), (1, 1)]),
            [p[0] for p in pairs], sorted([(1, "z"), (1, "a")]),
        )  # fmt: skip

    x = np.array([0.5, 2.0])
    assert sc.jit(f)(x) == f(x)
    with pytest.raises(sc.StagecError, match="SC303: an element that is sorted"):
        sc.jit(lambda x: sorted([(1, x[0]), (1, 2.0)]))(x)


def test_containers_that_functions_make_at_staging_are_written_to() -> None:
    def f(x: Any) -> Any:
        text = "a b"
        words = text.split()
        words[0] = x[0]
        first = dict.fromkeys(["a", "b"], 0.0)
        first["a"] += x[0]
        first["a"] += x[1]
        rows = copy.deepcopy({"k": [1.0, 2.0]})
        rows["k"][0] = x[1]
        for v in x:
            words[1] = v
        return words[0], words[1], first["a"], rows["k"][0]

    x = np.array([0.5, 2.0])
    assert sc.jit(f)(x) == f(x)
    assert sc.grad(lambda x: sum(f(x)))(x).tolist() == [2.0, 3.0]


def test_dicts_with_items_for_missing_keys() -> None:
    def f(x: Any) -> Any:
        sums: Any = collections.defaultdict(float)
        lists: Any = collections.defaultdict(list)
        counts: Any = collections.Counter()
        ordered: Any = collections.OrderedDict()
        for k in range(len(x)):
            sums[k % 2] += x[k]
            lists[k % 2].append(x[k])
            counts["b"] += x[k]
        ordered["z"] = sums[7]
        return sums[0], sums[1], len(sums), lists[1], counts["b"], counts["c"], ordered["z"]

    x = [0.5, 2.0, 4.0]
    assert sc.jit(f)(x) == f(x)


@pytest.mark.parametrize("x", [2.0, -1.0])
def test_text_of_an_exception(x: float) -> None:
    def f(x: Any) -> Any:
        try:
            if x > 0:
                raise ValueError("too large", 3)
            said = "fine"
        except ValueError as error:
            said = f"{error}|{error!r}|" + str(error.args[0])
        return said

    assert sc.jit(f)(x) == f(x)


MODES = ["a", "b"]
LEVELS = [1.0, 2.0]


def test_lists_outside_written_on_one_path() -> None:
    def f(x: Any) -> Any:
        if x > 2.0:
            LEVELS[0] = x
            return "high"
        return LEVELS[0] + LEVELS[1]

    assert [sc.jit(f)(x) for x in (1.0, 3.0, 1.0)] == [3.0, "high", 5.0]

    def mixed(x: Any) -> Any:
        if x > 2.0:
            MODES[0] = x
        return MODES[1]

    with pytest.raises(sc.StagecError, match="what the paths leave behind"):
        sc.jit(mixed)(1.0)
