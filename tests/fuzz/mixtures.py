"""Random programs of arrays of all dtypes and sizes, in containers, closures and loops.

Where `generate` and `nests` have floats only, so that derivatives can be judged, these programs
mix booleans, integers of several widths, floats and complex numbers, on lengths of none, one
and many.  Nothing tracks the dtypes: the program is run as it grows, and a statement that
raises is left out.  `ARGUMENTS` in the text says what it takes, `SIZES` the lengths.
"""

from __future__ import annotations

import sys
import warnings
from types import FrameType
from typing import Any

import numpy as np

from tests.fuzz.mixed_statements import ARRAYS, Statements
from tests.fuzz.mixed_values import Name

SMALL = ((3, 4), (4, 4), (1, 1), (0, 2), (2, 1), (7, 3))
LARGE = ((8, 9), (127, 3), (128, 2), (129, 5), (1023, 2), (3000, 1))
PYTHON = ("int", "float", "bool")
STEPS = 30_000
Sizes = tuple[int, int]


class Long(Exception):
    """A program makes too many steps."""


def arguments(space: dict[str, Any], seed: int, sizes: Sizes) -> tuple[Any, ...]:
    """The arguments of a call with these lengths."""
    rng = np.random.default_rng([seed, *sizes])
    lengths = dict(zip("nm", sizes, strict=True))
    made: list[Any] = []
    for _, dtype, axes in space["ARGUMENTS"]:
        if dtype in PYTHON and not axes:
            made.append({"int": int, "float": float, "bool": bool}[dtype](rng.integers(0, 3)))
            continue
        shape = tuple(lengths[a] for a in axes)
        # halves and few values: ties are common, and sums of floats are exact
        values = rng.integers(-4 if np.dtype(dtype).kind in "ifc" else 0, 5, shape) * 1.0
        if np.dtype(dtype).kind in "fc":
            values = values * 0.5
        if np.dtype(dtype).kind == "c":
            values = values + 0.5j * rng.integers(-2, 3, shape)
        made.append(values.astype(dtype) if axes else np.dtype(dtype).type(values))
    if "SAME" in space:
        one, two = space["SAME"]
        made[two] = made[one]
    return tuple(made)


LOSS = """

def loss(x0, x1, x2, s):
    total = 0.0
    for k, part in enumerate(f(x0, x1, x2, s)):
        if np.result_type(part).kind in "fc":
            total = total + np.sum(np.sin(np.real(part))) * (0.7 + k)
    return total
"""


class Mixtures(Statements):
    """Writes one program."""

    def program(self) -> str:
        """The text of the module."""
        names = [Name(f"x{k}", "array", self.pick("n", "n", "nm")) for k in range(3)]
        given = [(x.text, self.pick(*ARRAYS), x.axes) for x in names]
        if self.chance(0.15):
            given[1] = ("x1", *given[0][1:])
            names[1] = Name("x1", "array", given[0][2])
        names.append(Name("s", "number"))
        given.append(("s", self.pick("int", "float", "bool", "float32", "int64", "uint8"), ""))
        same = "\nSAME = (0, 1)" if given[0][1:] == given[1][1:] and self.chance(0.3) else ""
        sizes = [*self.random.sample(SMALL, 3), self.random.choice(LARGE)]
        self.random.shuffle(sizes)
        head = (
            f"import numpy as np\n\nARGUMENTS = {tuple(given)}\nSIZES = {tuple(sizes)}{same}\n"
        )
        head += "\n\nclass Box:\n    def __init__(self, value):\n        self.value = value\n"
        head += "\n\ndef f(x0, x1, x2, s):\n"
        which = next(x for x in names if "n" in x.axes)
        matrix = next((x.text for x in names if x.axes == "nm"), None)
        head += f"    n = {which.text}.shape[0]\n"
        head += f"    m = {matrix}.shape[1]\n" if matrix else "    m = n // 2 + 1\n"
        self.names = [*names, Name("n", "count"), Name("m", "count")]
        kept: list[str] = []
        for _ in range(self.random.randint(4, 12)):
            before = list(self.names)
            self.lines = []
            self.statement(1, 0)
            text = head + "\n".join([*kept, *self.lines, "    return 0"]) + "\n"
            if runs(text, self.seed):
                kept += self.lines
            else:
                self.names = before
        return head + "\n".join([*kept, f"    return {self.result()}"]) + "\n" + LOSS

    def result(self) -> str:
        """Most names that hold something."""
        shown = [x.text for x in self.names if x.kind in ("array", "number")]
        many = self.random.sample(shown, min(len(shown), self.random.randint(2, 6)))
        return ", ".join(many)

    def statement(self, indent: int, depth: int) -> None:
        """One statement, with all that is in it."""
        kinds = [
            "part",
            "part",
            "part",
            "augment",
            "augment",
            "fancy",
            "mask",
            "ufunc",
            "scatter",
            "total",
        ]
        if depth == 0:
            kinds += [
                "new",
                "new",
                "new",
                "alias",
                "alias",
                "table",
                "boxed",
                "function",
                "listed",
                "reduced",
                "sorted_",
                "number",
            ]
        if depth < 2:
            kinds += ["for_", "for_", "for_", "branch", "while_", "zipped"]
        if depth and self.loops:
            kinds += ["leave", "element", "element", "swap", "window", "column"]
        getattr(self, self.random.choice(kinds))(indent, depth)

    def block(self, indent: int, depth: int) -> None:
        before = list(self.names)
        for _ in range(self.random.randint(1, 3)):
            self.statement(indent, depth)
        self.names = before

    def table(self, indent: int, depth: int) -> None:
        """A dict or a tuple of arrays, and writes to what is in it."""
        name, one, two = self.fresh("d"), self.array(), self.array()
        a, b = self.leaf(one.axes), two.text
        form = self.pick("dict", "tuple", "list")
        self.write(
            indent,
            f"{name} = "
            + {
                "dict": f"{{'p': {a}, 'q': {b}}}",
                "tuple": f"({a}, {b})",
                "list": f"[{a}, {b}]",
            }[form],
        )
        p, q = ("'p'", "'q'") if form == "dict" else ("0", "1")
        cut, op = self.pick("0", "-1", ":", "1:"), self.pick("=", "+=")
        self.write(indent, f"{name}[{q}][{cut}] {op} {self.scalar()}")
        if form != "tuple" and self.chance(0.5):
            self.write(indent, f"{name}[{p}] = {self.expression(one.axes)}")
        if form != "tuple" and self.chance(0.3):
            self.write(indent, f"{name}[{p}], {name}[{q}] = {name}[{q}], {name}[{p}]")
            one, two = two, one
        loop = f"{name}.values()" if form == "dict" else name
        if self.chance(0.4):
            self.write(indent, f"for e in {loop}:")
            cut, op = self.pick(":1", "-1:", "::2"), self.pick("=", "+=", "*=")
            self.write(indent + 1, f"e[{cut}] {op} {self.scalar()}")
        self.add(f"{name}[{p}]", "array", one.axes)
        self.add(f"{name}[{q}]", "array", two.axes)

    def boxed(self, indent: int, depth: int) -> None:
        """An object with an array."""
        name, array = self.fresh("b"), self.array()
        self.write(indent, f"{name} = Box({array.text})")
        self.write(
            indent,
            f"{name}.value {self.pick('+=', '*=', '=')} {self.expression(array.axes, 2)}",
        )
        self.add(f"{name}.value", "array", array.axes)

    def function(self, indent: int, depth: int) -> None:
        """A function that reads, writes to and rebinds what is around it, called in a loop."""
        name, array, i = self.fresh("g"), self.array("n"), self.fresh("i")
        t = self.fresh("t")
        self.write(indent, f"{t} = {self.pick('0', '0.0', 'n', 's')}")
        self.write(indent, f"def {name}(z, k=1):")
        self.write(indent + 1, f"nonlocal {t}")
        before = list(self.names)
        self.add("z", "number")
        if self.chance(0.5):
            self.write(indent + 1, f"if {self.test()}:")
            self.write(indent + 2, f"return {self.pick('z', 'z * 1', 'z + 0')}")
        self.write(indent + 1, f"{t} += {self.pick('k', '1', 'k * 2')}")
        self.write(indent + 1, f"{array.text}[k % n] = {self.scalar()}")
        self.write(indent + 1, f"return {self.pick('z', 'z * 1', 'z + 0')}")
        self.names = before
        self.write(indent, f"for {i} in range({self.pick('3', 'n', 'min(n, 4)')}):")
        given = self.scalar() + self.pick("", f", {i}", f", k={i}")
        self.write(indent + 1, f"{self.array('n').text}[-1] += {name}({given})")
        self.add(t, "number")

    def listed(self, indent: int, depth: int) -> None:
        """A list that loops fill, change and stack."""
        name, array, i = self.fresh("l"), self.array(), self.fresh("i")
        first = f"[{array.text}.copy()]" if self.chance(0.5) else "[]"
        self.write(indent, f"{name} = {first}")
        self.write(indent, f"for {i} in range({self.pick('3', 'n', 'm + 1', 'min(n, 5)')}):")
        self.loops.append(i)
        if self.chance(0.5):
            self.write(
                indent + 1,
                f"{self.array().text}[{self.pick('0', '-1', ':')}] += {self.scalar()}",
            )
        value = self.pick(
            f"{array.text}.copy()", f"{array.text} * {i}", f"{array.text} + {self.scalar()}"
        )
        if first != "[]" and self.chance(0.4):
            value = f"{name}[-1] + {array.text}"
        self.write(indent + 1, f"{name}.append({value})")
        if self.chance(0.2):
            self.write(indent + 1, f"if {i} > 1:")
            self.write(indent + 2, f"{name}.pop({self.pick('', '0')})")
        self.loops.pop()
        got = self.fresh("a")
        if self.chance(0.5):
            f, made = self.pick("sum", "max"), self.pick("stack", "array")
            self.write(indent, f"{got} = np.{f}(np.{made}({name}), axis=0)")
        else:
            k, tail = self.pick("-1", "0", f"len({name}) // 2"), self.pick("", " * 2")
            self.write(indent, f"{got} = {name}[{k}]{tail}")
        self.add(got, "array", array.axes)

    def for_(self, indent: int, depth: int) -> None:
        i = self.fresh("i")
        bounds = ["n", "m", "3", "1, n", "n - 1, -1, -1", "0, n, 2", "min(n, m)", "n - 1"]
        if self.loops:
            bounds += [self.loops[-1], f"{self.loops[-1]}, n"]
        self.write(indent, f"for {i} in range({self.pick(*bounds)}):")
        self.loops.append(i)
        self.block(indent + 1, depth + 1)
        self.loops.pop()
        if self.chance(0.1):
            self.write(indent, "else:")
            self.block(indent + 1, depth + 1)

    def while_(self, indent: int, depth: int) -> None:
        w = self.fresh("w")
        self.write(indent, f"{w} = 0")
        extra = f" and {self.test()}" if self.chance(0.4) else ""
        self.write(indent, f"while {w} < {self.pick('n', '3', 'm')}{extra}:")
        self.write(indent + 1, f"{w} += {self.pick('1', '1', '2')}")
        self.loops.append(f"({w} - 1)")
        self.block(indent + 1, depth + 1)
        self.loops.pop()

    def zipped(self, indent: int, depth: int) -> None:
        """A loop over the elements or rows of arrays, which it may change meanwhile."""
        one, two, e, v = self.array(), self.array("n"), self.fresh("e"), self.fresh("u")
        self.write(
            indent, f"for {e}, {v} in zip({self.pick(one.text, 'range(n)')}, {two.text}):"
        )
        before = list(self.names)
        self.add(v, "number")
        self.block(indent + 1, depth + 1)
        self.names = before

    def branch(self, indent: int, depth: int) -> None:
        self.write(indent, f"if {self.test()}:")
        self.block(indent + 1, depth + 1)
        if self.chance(0.5):
            self.write(indent, "else:")
            self.block(indent + 1, depth + 1)

    def leave(self, indent: int, depth: int) -> None:
        self.write(indent, f"if {self.test()}:")
        self.write(indent + 1, self.pick("break", "continue"))


def runs(text: str, seed: int) -> bool:
    """Whether the program runs to its end for all sizes, in not too many steps."""
    space: dict[str, Any] = {}
    try:
        exec(compile(text, "<mixture>", "exec"), space)
    except SyntaxError:
        return False
    left = STEPS

    def step(frame: FrameType, event: str, given: Any) -> Any:
        nonlocal left
        left -= frame.f_code.co_filename == "<mixture>"
        if left < 0:
            raise Long
        return step

    before = sys.gettrace()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            for sizes in space["SIZES"]:
                given = arguments(space, seed, sizes)
                sys.settrace(step)
                out = space["f"](*given)
                sys.settrace(before)
                if isinstance(out, tuple) and any(beyond(x) for x in out):
                    return False
        except Exception:
            return False
        finally:
            sys.settrace(before)
    return True


def beyond(x: Any) -> bool:
    """Whether it is an integer that no machine word holds."""
    return isinstance(x, int) and abs(x) >= 2**62


def mixture(seed: int) -> str:
    """The text of the program with this seed."""
    return Mixtures(seed).program()
