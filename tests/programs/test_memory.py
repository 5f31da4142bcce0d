"""Which memory results share: what Python says, whatever is computed once or in place."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

CAPTURED = np.arange(4.0)


def equal_results(x: Any, y: Any) -> Any:
    return x * 2, x * 2


def copy_beside_view(x: Any, y: Any) -> Any:
    return x[1:], x * 1.0, x.copy()


def view_of_a_result(x: Any, y: Any) -> Any:
    z = x * 2
    return z, z[1:], z[::-1]


def one_object_twice(x: Any, y: Any) -> Any:
    z = x * 2
    v = z[1:]
    return z, z, v, v


def read_only_view(x: Any, y: Any) -> Any:
    z = np.outer(x, y)
    return z, np.diag(z)


def argument_or_new(x: Any, y: Any) -> Any:
    z = x if x[0] > 0 else x * 2
    return z, x * 2


def early_return_beside_a_write(x: Any, y: Any) -> Any:
    if x[0] > 0:
        y[-1] -= 0.3
    else:
        if x[1] > 0:
            return x * 2
        x[0] += 1
    return y[::-1]


def view_after_a_loop_that_may_return(x: Any, y: Any) -> Any:
    for i in range(3):
        if x[i] > 1:
            return x[:3] * 2
        y[i] = 3
    return y[:-1]


def tuples_on_two_paths(x: Any, y: Any) -> Any:
    x = x.copy()
    if y[0] > 0:
        return x / 2, np.roll(x, 1), np.tanh(x)
    return x, x * 0.4, x[1:]


def captured_and_argument(x: Any, y: Any) -> Any:
    return CAPTURED, CAPTURED[1:], y, y[:2], CAPTURED * 1


def element_of_a_list(x: Any, y: Any) -> Any:
    found = []
    for k in range(len(y)):
        found.append(x * k)
    return found[0], found


def leaves(value: Any) -> list[Any]:
    """The arrays in nested tuples and lists."""
    if isinstance(value, tuple | list):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def view_beside_a_write_unless_it_raises(x: Any, y: Any) -> Any:
    part = x[3:0:-1]
    if len(x) < 9:
        x[:-1] = y[0]
    else:
        raise ValueError("too long")
    return part, x


PROGRAMS = [
    equal_results, copy_beside_view, view_of_a_result, one_object_twice, read_only_view,
    argument_or_new, early_return_beside_a_write, view_after_a_loop_that_may_return,
    tuples_on_two_paths, captured_and_argument, element_of_a_list,
    view_beside_a_write_unless_it_raises,
]  # fmt: skip


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_results_share_what_eager_results_share(program: Callable[..., Any], sign: int) -> None:
    x = sign * np.array([0.5, -0.7, 2.0, 1.5])
    ours, theirs = [x.copy(), x + 1], [x.copy(), x + 1]
    got, want = [leaves((*a, f(*a))) for f, a in ((sc.jit(program), ours), (program, theirs))]
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)
    pairs = zip(got, want, strict=True)
    for (a, b), (c, d) in itertools.combinations(pairs, 2):
        assert np.shares_memory(a, c) == np.shares_memory(b, d)
        assert (a is c) == (b is d)


def test_no_copy_where_an_early_return_passes_by_a_write() -> None:
    x = np.arange(4.0)
    assert "copy" not in sc.jit(early_return_beside_a_write).source(x, x + 1)
    text = sc.jit(view_beside_a_write_unless_it_raises).source(x, x + 1)
    assert "copy" not in text
    assert "[...]" not in text


LISTED = {
    "after_append": "y = x * k\n        ys.append(y)\n        y[0] = 1.0",
    "taken_out": "ys.append(x * k)\n        ys[-1][0] += 1.0",
    "named": "ys.append(x * k)\n        y = ys[0]\n        y += 1.0",
    "popped": "ys.append(x * k)\n        ys.append(x)\n        y = ys.pop()\n        y *= 2.0",
}


@pytest.mark.parametrize("body", LISTED.values(), ids=LISTED)
def test_elements_of_lists_of_run_time_length_are_read_only(body: str, tmp_path: Any) -> None:
    file = tmp_path / "program.py"
    file.write_text(
        f"def f(x, n):\n    ys = []\n    for k in range(n):\n        {body}\n    return ys\n"
    )
    space: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    with pytest.raises(sc.StagecError, match="SC314"):
        sc.jit(space["f"])(np.ones(3), 5)
