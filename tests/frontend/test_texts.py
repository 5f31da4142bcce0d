"""Texts that are put together at run time."""

from typing import Any

import pytest

import stagec as sc


def percent(x: Any, n: Any) -> Any:
    numbers = "%d %.2f|%5d|%-8.3f|%05d|%+d|%e %g %%|%x|% d" % (n, x, x, x, n, n, x, x, 9, n)  # noqa: UP031
    texts = "%s|%r|%10s|%-6s|%s" % (x, x, n, n, [x, n])  # noqa: UP031
    return numbers, texts, "50%% of %s" % x, "%5.1f%%" % x  # noqa: UP031


def too_few(x: Any, n: Any) -> Any:
    return "%d %d" % (n,)  # noqa: F507, UP031


def too_many(x: Any, n: Any) -> Any:
    return "%d" % (n, x)  # noqa: F507, UP031


def added(x: Any, n: Any) -> Any:
    text = ""
    for k in range(n):
        text += str(k * x) + ","
        if k == 2:
            text = text + "!"
    return text, "a" + text


@pytest.mark.parametrize("f", [percent, too_few, too_many, added], ids=lambda f: f.__name__)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_as_in_python(f: Any, backend: Any) -> None:
    def outcome(g: Any) -> Any:
        try:
            return g(-2.5, 4)
        except TypeError as error:
            return str(error).split("\n")[0]

    assert outcome(sc.jit(f, backend=backend)) == outcome(f)


def test_other_percent_formats_are_refused() -> None:
    with pytest.raises(sc.StagecError, match="SC323"):
        sc.jit(lambda x: "%(a)s" % {"a": x})(2.5)  # noqa: UP031
