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


class Pair:
    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = a, b


def templates(x: Any, n: Any) -> Any:
    plain = "{} and {:.3f}|{{}}|{!r:>8}".format(x, x, n)  # noqa: UP032
    named = "{1}{0}{k[0]}{k[1]!s}{p.a:{w}.{d}f}".format(
        x, n, k=[n, "a"], p=Pair(x, 2), w=9, d=1
    )
    return plain, named, "{0[b]}-{0[a]:+}".format({"a": x, "b": [n, x]})


def unnamed_after_named(x: Any, n: Any) -> Any:
    return "{0}{}".format(x, n)  # noqa: F523, F525


def too_few_for_the_template(x: Any, n: Any) -> Any:
    return "{}{}{}".format(x, n)  # noqa: F524


def unclosed_template(x: Any, n: Any) -> Any:
    return "{".format(x, n)  # noqa: F521


def no_such_name(x: Any, n: Any) -> Any:
    return "{b}".format(a=x)  # noqa: F522, F524


def chosen_in_a_loop(x: Any, n: Any) -> Any:
    names, bits = [], ""
    for k in range(n):
        names.append((k, "even" if (k * x) % 2 < 1 else "odd"))
    for k in range(n):
        bits += "1" if k * x > 3 else "0"
    return names, bits


def kept_in_a_loop(x: Any, n: Any) -> Any:
    modes, mode = [], "low"
    rates = {"low": 1.0, "high": 2.0}
    for k in range(n):
        mode = "high" if mode == "low" and k > x else "low"
        x += 0.1 * rates[mode]
        modes.append(mode)
    return modes, mode, x, modes.count("high"), "low" in modes, modes[0] < mode


def told_apart(x: Any, n: Any) -> Any:
    kinds = ["a" if k * x > 3 else "b" for k in range(n)]
    total = 0.0
    for kind in kinds:
        if kind == "a":
            total += x
        elif kind != "b" or kind == 1:
            total -= 100
    return total, sum(1 for k in kinds if k >= "b"), kinds[0] == n, kinds[0] != None  # noqa: E711


def joined(x: Any, n: Any) -> Any:
    parts = [f"{k * x:.1f}" for k in range(n)]
    return ", ".join(parts), "".join(str(k) for k in range(n)), "-".join(("a", str(x), "b"))


def joined_numbers(x: Any, n: Any) -> Any:
    return ", ".join([x, n])


CASES = [percent, too_few, too_many, added, templates, unnamed_after_named, unclosed_template,
         too_few_for_the_template, no_such_name, chosen_in_a_loop, kept_in_a_loop, told_apart,
         joined, joined_numbers]  # fmt: skip


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_as_in_python(f: Any, backend: Any) -> None:
    def outcome(g: Any) -> Any:
        try:
            return g(-2.5, 4)
        except (TypeError, ValueError, LookupError) as error:
            return str(error).split("\n")[0]

    assert outcome(sc.jit(f, backend=backend)) == outcome(f)


def test_other_percent_formats_are_refused() -> None:
    with pytest.raises(sc.StagecError, match="SC323"):
        sc.jit(lambda x: "%(a)s" % {"a": x})(2.5)  # noqa: UP031
