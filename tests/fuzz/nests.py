"""Random programs of loops over elements and parts of arrays, and of time steps.

Where `generate` has arrays of a few fixed shapes and many library calls, these programs have
sizes that change from call to call (none and one among them), nests of loops whose bounds
depend on each other, shifted and reversed parts, arrays that take turns, rows as views, sums
in loops, lists of what a loop made, and helpers that write to what they are given.
"""

from __future__ import annotations

from tests.fuzz.elements import Count, Elements, Place


class Nests(Elements):
    """Writes one program."""

    # --- the module ---------------------------------------------------------------------

    def program(self) -> str:
        """The text of the module."""
        self.write(0, "import numpy as np\n")
        self.write(0, f"SIZES = {self.sizes()}\n")
        for _ in range(self.random.choice([0, 0, 1, 1])):
            self.helper()
        self.write(0, "\ndef f(x, y, s, n):")
        self.write(1, "m, k = y.shape")
        place = Place({"x": "m", "y": "mk"}, ["s", "t"])
        self.write(1, "t = 0.5 * s")
        for axes in self.random.sample(["m", "m", "k", "mk"], 2):
            self.new(1, place, axes)
        arrays = [a for a in place.arrays if a not in "xy"]
        results = self.random.sample([*arrays, "x", "y", "t"], 2)
        if self.chance(0.6):
            results = [*arrays, "x", "y", "t"]
        if len(results) == 2 or "(0, " in self.lines[1]:
            # what nothing needs may be left out, with its error
            self.lines[1] += "\nUNUSED = True\n"
        self.result = f"return {', '.join(results)}"
        self.budget = self.random.randint(3, 12)
        while self.budget > 0:
            self.statement(1, place)
        self.write(1, self.result)
        self.loss(len(results))
        return "\n".join(self.lines) + "\n"

    def sizes(self) -> str:
        """Lengths of the axes by the number of trips; what was equal may differ later."""
        several = [(5, 4), (4, 4), (6, 3), (3, 3), (7, 5), (4, 6)]
        small = [(1, 1), (2, 1), (1, 3), (2, 2), (3, 2), (1, 2), (0, 2), (4, 4)]
        first, second = self.random.choice(several), self.random.choice(several)
        return f"{{3: {first}, 2: {second}, 0: {self.random.choice(small)}}}"

    def loss(self, count: int) -> None:
        """A number made of all results."""
        names = [f"r{k}" for k in range(count)]
        self.write(0, "\n\ndef loss(x, y, s, n):")
        self.write(1, f"{', '.join(names)} = f(x, y, s, n)")
        total = " + ".join(f"np.sum(np.sin({r}) * {k + 0.7})" for k, r in enumerate(names))
        self.write(1, f"return {total} + np.sum(x) + np.sum(y * s)")

    def helper(self) -> None:
        """A function that writes to a vector and returns a number."""
        name = self.name("h")
        self.write(0, f"\ndef {name}(x, s, n):")
        self.write(1, "m = x.shape[0]")
        self.write(1, "t = s * 0.5")
        place, self.result = Place({"x": "m"}, ["s", "t"]), "return t"
        self.budget = self.random.randint(1, 3)
        while self.budget > 0:
            self.statement(1, place)
        self.write(1, "return t")
        self.write(0, "")
        self.helpers.append(name)

    # --- statements ---------------------------------------------------------------------

    def statement(self, indent: int, place: Place) -> None:
        self.budget -= 1
        kinds = ["element", "number", "part"]
        if place.counts:
            kinds += ["element"] * 4 + ["number"] * 2 + ["edge", "row", "prefix", "exchange"]
        if place.depth < 3 and self.budget > 0:
            kinds += ["over", "over", "over", "branch", "steps", "over_values"]
        if place.depth < 2 and self.budget > 0:
            kinds += ["steps", "recorded", "sum_loop", "while_"]
        if place.depth < 2:
            kinds += ["swap", "part", "part", "rebound"]
        if place.loop:
            kinds += ["leave"] if self.chance(0.5) else []
        if self.helpers:
            kinds += ["called"]
        getattr(self, self.random.choice(kinds))(indent, place)

    def block(self, indent: int, place: Place) -> None:
        for _ in range(self.random.randint(1, 3)):
            self.statement(indent, place)

    def new(self, indent: int, place: Place, axes: str) -> None:
        """A new array."""
        name = self.name("a")
        shape = "m, k" if axes == "mk" else axes
        same = [a for a, kind in place.arrays.items() if kind == axes]
        texts = [f"np.zeros(({shape}))", f"np.ones(({shape})) * 0.5"]
        texts += [f"{a}.copy()" for a in same] * 2
        self.write(indent, f"{name} = {self.random.choice(texts)}")
        place.arrays[name] = axes

    def element(self, indent: int, place: Place) -> None:
        target, value = self.reference(place), self.number_of(place)
        self.write(indent, f"{target} {self.pick('=', '=', '+=', '-=')} 0.4 * {value}")

    def edge(self, indent: int, place: Place) -> None:
        """An element that one loop around does not move."""
        outer = Place(place.arrays, place.numbers, place.counts[:1])
        op = self.pick("+=", "+=", "-=", "=")
        self.write(indent, f"{self.reference(outer)} {op} 0.3 * {self.number_of(place)}")

    def number(self, indent: int, place: Place) -> None:
        name = self.random.choice([t for t in place.numbers if t[0] == "t"])
        form = self.pick(
            "{0} = {1}", "{0} += 0.2 * {1}", "{0} -= 0.3 * {1}", "{0} = 0.5 * {0} + {1}"
        )
        self.write(indent, form.format(name, self.number_of(place)))

    def exchange(self, indent: int, place: Place) -> None:
        a, b = self.reference(place), self.reference(place)
        self.write(indent, f"{a}, {b} = {b}, {a}")

    def row(self, indent: int, place: Place) -> None:
        """A view of a row or column, and what is done with it."""
        matrices = [a for a, axes in place.arrays.items() if axes == "mk"]
        if not matrices:
            return self.element(indent, place)
        array, name = self.random.choice(matrices), self.name("v")
        axis = self.pick("m", "k")
        index = self.index(place, axis)
        other = "k" if axis == "m" else "m"
        self.write(
            indent,
            f"{name} = {array}[{index}]" if axis == "m" else f"{name} = {array}[:, {index}]",
        )
        place.arrays[name] = other
        form = self.pick("{0}[:] = {1}", "{0} += 0.2 * {1}", "{0}[:] += 0.1 * {1}")
        return self.write(indent, form.format(name, self.part_of(place, other, 0)))

    def prefix(self, indent: int, place: Place) -> None:
        """Parts that end or begin at an index."""
        count = self.random.choice(place.counts)
        names = [a for a, axes in place.arrays.items() if axes == count.axis]
        if not names:
            return self.element(indent, place)
        a, b = self.random.choice(names), self.random.choice(names)
        i = count.name
        cut = self.pick(f":{i}", f"{i}:", f"{i} + 1:", f":{i} + 1", f"{i}::-1", f":{i}:-1")
        t = self.random.choice([t for t in place.numbers if t[0] == "t"])
        return self.write(indent, self.pick(
            f"{t} += 0.1 * np.sum({a}[{cut}])", f"{t} = {t} * 0.5 + {a}[{cut}] @ {b}[{cut}]",
            f"{a}[{cut}] += 0.1 * {b}[{cut}]", f"{a}[{cut}] = {b}[{cut}] * 0.9",
            f"{a}[{i}] -= 0.2 * ({a}[{cut}] @ {b}[{cut}])", f"{a}[{cut}] *= 0.5",
            f"{a}[:{i}] = 0.8 * {a}[{i} - 1::-1] if {i} else 0.0",
        ))  # fmt: skip

    def part(self, indent: int, place: Place) -> None:
        """A part of an array written from shifted parts."""
        name = self.random.choice(list(place.arrays))
        axes, margin = place.arrays[name], self.random.choice([0, 1, 2, 2])
        target = f"{name}[{self.cut(axes, margin)}]"
        op = self.pick("=", "=", "+=", "-=")
        self.write(indent, f"{target} {op} 0.3 * {self.part_of(place, axes, margin)}")

    def swap(self, indent: int, place: Place) -> None:
        own = [a for a in place.arrays if a[0] == "a"]
        pairs = [
            (a, b) for a in own for b in own
            if a < b and place.arrays[a] == place.arrays[b]
        ]  # fmt: skip
        if not pairs:
            return self.part(indent, place)
        a, b = self.random.choice(pairs)
        return self.write(indent, f"{a}, {b} = {b}, {a}")

    def rebound(self, indent: int, place: Place) -> None:
        own = [a for a in place.arrays if a[0] == "a"]
        if not own:
            return self.part(indent, place)
        name = self.random.choice(own)
        self.write(
            indent, f"{name} = np.tanh({self.part_of(place, place.arrays[name], 0)} + {name})"
        )
        return None

    def called(self, indent: int, place: Place) -> None:
        vectors = [a for a, axes in place.arrays.items() if len(axes) == 1]
        rows = [f"{a}[{self.index(place, 'm')}]" for a, x in place.arrays.items() if x == "mk"]
        target = self.pick(*vectors, *rows, f"{self.pick(*vectors)}[::-1]", f"{vectors[0]}[1:]")
        t = self.random.choice([t for t in place.numbers if t[0] == "t"])
        self.write(indent, f"{t} = {self.pick(*self.helpers)}({target}, {t}, n)")

    def leave(self, indent: int, place: Place) -> None:
        self.write(indent, f"if {self.condition(place)}:")
        if self.chance(0.3):
            self.number(indent + 1, place)
        self.write(indent + 1, self.pick("break", "break", "continue", "continue", self.result))

    def branch(self, indent: int, place: Place) -> None:
        self.write(indent, f"if {self.condition(place)}:")
        self.block(indent + 1, place.inner(loop=False))
        if self.chance(0.5):
            self.write(indent, "else:")
            self.block(indent + 1, place.inner(loop=False))

    # --- loops --------------------------------------------------------------------------

    def over(self, indent: int, place: Place) -> None:
        """A loop over an axis, or over a part of it that a loop around bounds."""
        i, axis = self.name("i"), self.pick(*self.axes(place))
        below, above = self.random.choice([(0, 0), (0, 0), (1, 0), (0, 1), (1, 1), (2, 0)])
        last = f"{axis} - {above}" if above else axis
        ranges = [
            f"range({below}, {last})", f"range({below}, {last})", f"range({below}, {last}, 2)",
            f"range({last} - 1, {below} - 1, -1)", f"reversed(range({below}, {last}))",
            f"range({last} - 1, {below} - 1, -2)",
        ]  # fmt: skip
        count = Count(i, axis, below, above)
        outer = [c for c in place.counts if c.axis == axis]
        if outer and self.chance(0.6):
            c = self.random.choice(outer)
            kind = self.random.randrange(4)
            ranges = [[f"range({c.name})"], [f"range({c.name} + 1, {axis})"],
                      [f"range({c.name} - 1, -1, -1)"],
                      [f"range({axis} - 1, {c.name}, -1)"]][kind]  # fmt: skip
            count = (
                Count(i, axis, 0, c.above + 1)
                if kind in (0, 2)
                else Count(i, axis, c.below + 1)
            )
        self.write(indent, f"for {i} in {self.pick(*ranges)}:")
        self.block(indent + 1, place.inner(count))
        if self.chance(0.05):
            self.write(indent, "else:")
            self.number(indent + 1, place)

    def steps(self, indent: int, place: Place) -> None:
        """A loop of steps."""
        i = self.name("i")
        count = self.pick("range(n)", "range(n)", "range(2)", "range(n - 1, -1, -1)")
        self.write(indent, f"for {i} in {count}:")
        inner = place.inner()
        self.part(indent + 1, inner)
        self.block(indent + 1, inner)
        if self.chance(0.4):
            self.swap(indent + 1, inner)

    def over_values(self, indent: int, place: Place) -> None:
        """A loop over rows or elements."""
        name, axes = self.random.choice(list(place.arrays.items()))
        inner, i = place.inner(), self.name("i")
        value = self.name("v" if axes == "mk" else "e")
        if axes == "mk":
            inner.arrays[value] = "k"
        else:
            inner.numbers.append(value)
        inner.counts.append(Count(i, axes[0]))
        self.write(indent, f"for {i}, {value} in enumerate({name}):")
        self.block(indent + 1, inner)

    def sum_loop(self, indent: int, place: Place) -> None:
        """A sum, product or extreme in a loop, used after it."""
        t, i, axis = self.name("t"), self.name("i"), self.pick(*self.axes(place))
        self.write(indent, f"{t} = {self.pick('0.0', '0.0', '1.0', 's')}")
        self.write(indent, f"for {i} in range({axis}):")
        inner = place.inner(Count(i, axis))
        if self.chance(0.4):
            self.statement(indent + 1, inner)
        value = self.number_of(inner)
        form = self.pick("{0} += {1}", "{0} -= {1}", "{0} = {1} + {0}", "{0} = max({0}, {1})",
                         "{0} *= 1.0 + 0.1 * {1}", "{0} = {0} + {1} * {0}")  # fmt: skip
        self.write(indent + 1, form.format(t, f"np.sin({value})"))
        place.numbers.append(t)

    def while_(self, indent: int, place: Place) -> None:
        w, axis = self.name("w"), self.pick(*self.axes(place))
        self.write(indent, f"{w} = 0")
        extra = f" and {self.condition(place)}" if self.chance(0.4) else ""
        self.write(indent, f"while {w} < {axis}{extra}:")
        self.statement(indent + 1, place.inner(Count(w, axis), loop=False))
        self.write(indent + 1, f"{w} += {self.pick('1', '1', '2')}")

    def recorded(self, indent: int, place: Place) -> None:
        """A list that a loop fills, and another reads."""
        xs, i, axis = self.name("xs"), self.name("i"), self.pick(*self.axes(place))
        self.write(indent, f"{xs} = []")
        self.write(indent, f"for {i} in range({axis}):")
        inner = place.inner(Count(i, axis))
        if self.chance(0.5):
            self.statement(indent + 1, inner)
        vectors = [a for a, axes in place.arrays.items() if axes == axis]
        value = f"{self.pick(*vectors)}.copy()" if vectors and self.chance(0.4) else ""
        self.write(indent + 1, f"{xs}.append({value or self.number_of(inner)})")
        order = self.pick(f"range({axis})", f"range({axis} - 1, -1, -1)", f"range(len({xs}))")
        self.write(indent, f"for {i} in {order}:")
        element = f"{xs}[{i}]" + (f"[{self.index(inner, axis)}]" if value else "")
        self.write(indent + 1, f"{self.reference(inner)} += 0.2 * {element}")


def nest(seed: int) -> str:
    """The text of the program with this seed."""
    return Nests(seed).program()
