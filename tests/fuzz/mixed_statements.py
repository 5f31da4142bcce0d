"""Simple statements of random programs of mixed dtypes."""

from __future__ import annotations

from tests.fuzz.mixed_values import Values

ARRAYS = (
    "float64",
    "float64",
    "float32",
    "int64",
    "int64",
    "int32",
    "int8",
    "uint8",
    "bool",
    "complex128",
)


class Statements(Values):
    """Writes statements that hold no others."""

    def new(self, indent: int, depth: int) -> None:
        name, axes = self.fresh("a"), self.pick("n", "n", "m", "nm", "")
        shape = {"n": "n", "m": "m", "nm": "(n, m)", "": "()"}[axes]
        dtype = self.pick(*ARRAYS)
        text = self.pick(
            self.expression(axes),
            self.expression(axes),
            f"np.zeros({shape}, np.{dtype})",
            f"np.full({shape}, {self.scalar()})",
            f"np.asarray({self.expression(axes)}).astype(np.{dtype})",
            f"np.arange(n * 1.0) - {self.scalar()}"
            if axes == "n"
            else f"np.ones({shape}) * 0.5",
        )
        self.write(indent, f"{name} = {text}")
        self.add(name, "array" if axes else "number", axes)

    def number(self, indent: int, depth: int) -> None:
        name = self.fresh("t")
        self.write(indent, f"{name} = {self.scalar()}")
        self.add(name, "number")

    def alias(self, indent: int, depth: int) -> None:
        array = self.array()
        text, axes = self.view(array)
        name = self.fresh("v")
        self.write(indent, f"{name} = {text}")
        self.add(name, "array", axes)

    def part(self, indent: int, depth: int) -> None:
        text, axes = self.target()
        self.write(indent, f"{text} = {self.expression(self.narrower(axes))}")

    def augment(self, indent: int, depth: int) -> None:
        text, axes = self.target()
        text = text.removesuffix("[:]") if self.chance(0.3) else text
        op = self.pick("+=", "+=", "-=", "*=", "//=", "|=", "&=", "^=", "/=", "%=")
        self.write(indent, f"{text} {op} {self.expression(self.narrower(axes), 1)}")

    def element(self, indent: int, depth: int) -> None:
        op = self.pick("=", "=", "+=", "-=")
        self.write(indent, f"{self.reference()} {op} {self.scalar()}")

    def fancy(self, indent: int, depth: int) -> None:
        array = self.array()
        k = self.pick(
            "[0, -1, 0]",
            "np.array([0, 0])",
            "[-1]",
            "np.arange(n) // 2",
            "np.arange(n)[::-1] % 2",
        )
        value = self.pick(self.scalar(), f"{array.text}[{k}] + 1", f"{array.text}[{k}][::-1]")
        self.write(indent, f"{array.text}[{k}] {self.pick('=', '=', '+=', '*=')} {value}")

    def mask(self, indent: int, depth: int) -> None:
        array = self.array()
        other = self.leaf(array.axes)
        test = f"{other} {self.pick('>', '<=', '==', '!=')} {self.pick('0', '1', '0.5')}"
        value = self.pick(
            self.scalar(), f"{array.text}[{test}] * 2", f"{self.leaf(array.axes)}[{test}]"
        )
        self.write(indent, f"{array.text}[{test}] {self.pick('=', '=', '+=', '-=')} {value}")

    def scatter(self, indent: int, depth: int) -> None:
        array = self.array("n")
        ufunc = self.pick("add", "add", "subtract")
        k = self.pick("[0, 0]", "np.arange(n) // 2", "np.array([-1, 0, 0])")
        self.write(indent, f"np.{ufunc}.at({array.text}, {k}, {self.scalar()})")

    def ufunc(self, indent: int, depth: int) -> None:
        """A ufunc that writes into an array, perhaps only where a mask says so."""
        array = self.array()
        one, two = self.leaf(array.axes), self.expression(array.axes, 2)
        where = ""
        if self.chance(0.5):
            where = f", where={self.leaf(array.axes)} > {self.pick('0', '1')}"
        g = self.pick("negative", "square", "abs", "sqrt", "sign")
        f = self.pick(
            "add", "subtract", "multiply", "maximum", "minimum", "power", "logical_and"
        )
        self.write(
            indent,
            self.pick(
                f"np.{f}({one}, {two}, out={array.text}{where})",
                f"np.{g}({one}, out={array.text}{where})",
                f"np.copyto({array.text}, {two}{where})",
            ),
        )

    def total(self, indent: int, depth: int) -> None:
        """A number that grows by another one, of any type."""
        numbers = [x.text for x in self.names if x.kind == "number" and x.text[0] == "t"]
        if not numbers:
            return self.part(indent, depth)
        t = self.pick(*numbers)
        return self.write(indent, f"{t} {self.pick('+=', '-=', '*=')} {self.scalar()}")

    def reduced(self, indent: int, depth: int) -> None:
        name, array = self.fresh("r"), self.array()
        f = self.pick(
            "sum",
            "prod",
            "max",
            "min",
            "mean",
            "any",
            "all",
            "argmax",
            "argmin",
            "std",
            "cumsum",
            "count_nonzero",
        )
        axes = array.axes
        options, left = "", ""
        if len(axes) == 2:
            k = self.random.choice([0, 1, -1])
            keep = f not in ("cumsum",) and self.chance(0.4)
            options = f", axis={k}" + (", keepdims=True" if keep else "")
            left = axes if f == "cumsum" else "" if keep else axes[1 - k if k >= 0 else 0]
            if keep:
                left = "?"
        elif f == "cumsum":
            left = axes
        if f in ("sum", "prod", "mean", "cumsum") and self.chance(0.3):
            options += f", dtype=np.{self.pick('float32', 'int32', 'float64', 'uint8')}"
        self.write(indent, f"{name} = np.{f}({self.leaf(axes)}{options})")
        self.add(name, "array" if left else "number", left)

    def sorted_(self, indent: int, depth: int) -> None:
        name, array = self.fresh("r"), self.array("n")
        other = self.leaf("n")
        self.write(
            indent,
            f"{name} = "
            + self.pick(
                f"np.sort({array.text})",
                f"np.argsort({array.text}, kind='stable')",
                f"np.flip({array.text})",
                f"np.where({other} > 0, {array.text}, {self.expression('n', 2)})",
                f"np.select([{other} > 1, {other} > 0], [{array.text}, {other}], 3)",
                f"np.diff({array.text}, prepend=0)",
                f"np.roll({array.text}, {self.pick('1', '-2', 'n', 's')})",
                f"np.searchsorted(np.sort({array.text}), {other})",
                f"np.cumsum({array.text})[::-1]",
                f"np.concatenate([{array.text}[1:], {other}[:1]])",
                f"np.take({array.text}, np.arange(n) - 1)",
                f"np.clip({array.text}, 0, 1)",
                f"np.repeat({array.text}, 2)[::2]",
                f"np.outer({array.text}, {other})[:, 0]",
                f"np.einsum('i,i->i', {array.text}, {other})",
                f"np.maximum.accumulate({array.text})",
                f"np.round({array.text} / 3, 1)",
                f"np.nan_to_num({array.text} / {other})",
                f"np.stack([{array.text}, {other}])[1]",
            ),
        )
        self.add(name, "array", "n")

    def swap(self, indent: int, depth: int) -> None:
        """Arrays or elements that take turns."""
        arrays = [x for x in self.names if x.kind == "array" and x.text.isidentifier()]
        pairs = [(a, b) for a in arrays for b in arrays if a.axes == b.axes and a != b]
        if pairs and self.chance(0.6):
            a, b = self.random.choice(pairs)
            self.write(indent, f"{a.text}, {b.text} = {b.text}, {a.text}")
        else:
            a, b = self.reference(), self.reference()
            self.write(indent, f"{a}, {b} = {b}, {a}")

    def window(self, indent: int, depth: int) -> None:
        """Parts of a length, at the index of the loop."""
        i, a, b = self.loops[-1], self.array("n").text, self.array("n").text
        w = self.pick(
            f"{i}:{i} + 2",
            f"{i}:{i} + m",
            f"max({i} - 1, 0):{i} + 2",
            f"{i}::-1",
            f"{i}:",
            f":{i}",
        )
        self.write(
            indent,
            self.pick(
                f"{a}[{i}] = np.{self.pick('sum', 'max', 'min')}({b}[{w}])",
                f"{a}[{w}] += {b}[{w}]",
                f"{a}[{w}] = {b}[{w}][::-1]",
                f"{a}[{i}] += {a}[{w}] @ {b}[{w}]",
                f"{a}[{w}] *= 2",
            ),
        )

    def column(self, indent: int, depth: int) -> None:
        a, i = self.array("nm").text, self.loops[-1]
        b = self.array("n").text
        self.write(
            indent,
            self.pick(
                f"{a}[:, {i}] = {b}",
                f"{a}[:, {i}] += {a}[:, {i} - 1]",
                f"{b} += {a}[:, {i}]",
                f"{a}[{i}] = {a}[{i}, ::-1]",
                f"{b}[{i}] = {a}[{i}] @ {a}[{i}]",
                f"{a}[{i}, :{i}] += {b}[{i}]",
                f"{a} = {a} * 1",
                f"{a}[{i}] -= {a}[0]",
            ),
        )
