"""Random programs: from a seed to the text of a module with functions `f` and `loss`.

Every value stays bounded and every operation is smooth but for measure-zero kinks, so that
finite differences can judge derivatives.  Shapes are tracked, so that a program never raises.
"""

from __future__ import annotations

from tests.fuzz.expressions import MATRIX, SHORT, TURNED, VECTOR, Expressions, Scope, Shape


class Writer(Expressions):
    """Writes one program."""

    # --- the module ---------------------------------------------------------------------

    def program(self) -> str:
        self.write(0, "import numpy as np\n")
        if self.chance(0.3):
            self.write(0, "WEIGHTS = np.array([0.5, -0.25, 1.0, 0.75])\n")
        helpers = tuple(self.helper() for _ in range(self.random.choice([0, 0, 1, 1, 2])))
        returns = tuple(
            self.random.choice([(), VECTOR, VECTOR, MATRIX, SHORT])
            for _ in range(self.random.choice([1, 1, 2, 3]))
        )
        scope = Scope({"x": VECTOR, "y": MATRIX}, ["s"], [], set(), helpers, returns)
        if self.lines[1:] and self.lines[1].startswith("WEIGHTS"):
            scope.arrays["WEIGHTS"] = VECTOR
            scope.locked.add("WEIGHTS")
        self.write(0, "\ndef f(x, y, s, n):")
        self.budget = self.random.randint(4, 14)
        if self.chance(0.5):
            self.write(1, "x = x.copy()")
        if self.chance(0.5):
            self.write(1, "y = y.copy()")
        if self.chance(0.3):
            self.closure(1, scope)
        while self.budget > 0:
            self.statement(1, scope, 0, False)
        self.write(1, self.result(scope))
        self.loss(returns)
        return "\n".join(self.lines) + "\n"

    def result(self, scope: Scope) -> str:
        parts = [self.leaf(shape, scope) for shape in scope.returns]
        return f"return {', '.join(parts)}"

    def loss(self, returns: tuple[Shape, ...]) -> None:
        names = [f"r{k}" for k in range(len(returns))]
        self.write(0, "\n\ndef loss(x, y, s, n):")
        self.write(1, "start = np.sum(x) * 0.5 + s * s")
        self.write(1, f"{', '.join(names)} = f(x, y, s, n)")
        total = "start + np.sum(x * np.cos(x)) + np.sum(y) * 0.3"
        for k, (name, shape) in enumerate(zip(names, returns, strict=True)):
            total += (
                f" + {name} * {0.7 + k}"
                if shape == ()
                else f" + np.sum(np.sin({name}) * {0.7 + k})"
            )
        self.write(1, f"return {total}")

    def helper(self) -> tuple[str, str]:
        """A function of a vector and a number that may write to the vector."""
        name = self.name("h")
        kind = self.pick("number", "array", "both", "nothing")
        returns = {"number": ((),), "array": (VECTOR,), "both": (VECTOR, ()), "nothing": ()}[
            kind
        ]
        scope = Scope({"a": VECTOR}, ["b"], [], set(), (), returns)
        self.write(0, f"\ndef {name}(a, b, n):")
        self.budget = self.random.randint(1, 4)
        while self.budget > 0:
            self.statement(1, scope, 1, False)
        self.write(1, self.result(scope) if returns else "a[0] = np.tanh(a[0] + b)")
        self.write(0, "")
        return name, kind

    def closure(self, indent: int, scope: Scope) -> None:
        """A nested function that reads, and may rebind, what is around it."""
        name, kind = self.name("g"), self.pick("read", "lambda", "rebind", "mutate")
        if kind == "lambda":
            body = self.bounded((), Scope(dict(scope.arrays), [*scope.numbers, "z"]))
            self.write(indent, f"{name} = lambda z: {body}")
            scope.helpers = (*scope.helpers, (name, "closure"))
            return
        state = self.name("t") if kind == "rebind" else ""
        if state:
            self.write(indent, f"{state} = s * {self.number()}")
            scope.numbers.append(state)
        self.write(indent, f"def {name}(z):")
        inner = Scope(dict(scope.arrays), [*scope.numbers, "z"], [], scope.locked)
        if state:
            self.write(indent + 1, f"nonlocal {state}")
            self.write(indent + 1, f"{state} = {self.bounded((), inner)}")
        if kind == "mutate":
            self.write(indent + 1, f"x[{self.pick('0', '1:', '-1', '::2')}] += 0.1 * np.sin(z)")
        self.write(indent + 1, f"return {self.bounded((), inner)}")
        scope.helpers = (*scope.helpers, (name, "closure"))

    # --- statements ---------------------------------------------------------------------

    def block(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        """One to three statements."""
        for _ in range(self.random.randint(1, 3)):
            self.statement(indent, scope, depth, loop)

    def statement(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        self.budget -= 1
        kinds = ["new", "rebind", "rebind", "number_statement", "number_statement", "alias",
                 "writing", "writing", "writing", "augment", "augment", "mask", "scatter",
                 "out", "swap", "called"]  # fmt: skip
        if depth < 3 and self.budget > 0:
            kinds += ["branch", "branch", "for_", "for_", "for_", "while_", "grow", "optional"]
        if loop:
            kinds += ["leave"]
        if indent > 1 and scope.returns:
            kinds += ["early"] if self.chance(0.3) else []
        if not self.own(scope):
            kinds = ["number_statement", "new"]
        before = len(self.lines)
        getattr(self, self.random.choice(kinds))(indent, scope, depth, loop)
        if len(self.lines) == before:
            self.write(indent, "pass")

    def shaped(self) -> Shape:
        return self.random.choice([VECTOR, VECTOR, VECTOR, MATRIX, SHORT, TURNED])

    def new(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        name, shape = self.name("a"), self.shaped()
        kind = self.pick("expression", "expression", "copy", "zeros", "helper")
        called = self.call(VECTOR, scope, 1) if kind == "helper" else None
        if called:
            shape = VECTOR
            self.write(indent, f"{name} = {called}")
            scope.locked.add(name)
        elif kind == "copy":
            self.write(indent, f"{name} = {self.leaf(shape, scope)}.copy()")
        elif kind == "zeros":
            self.write(indent, f"{name} = np.zeros({shape})")
        else:
            self.write(indent, f"{name} = {self.bounded(shape, scope)}")
        scope.arrays[name] = shape

    def own(self, scope: Scope) -> list[str]:
        """The arrays that a statement may rebind or write to."""
        return [a for a in scope.arrays if a not in scope.locked]

    def rebind(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        own = [a for a in self.own(scope) if a not in ("x", "y", "a")]
        if indent > 1 and self.chance(0.9):  # another name of an array may change meanwhile
            own = [a for a in own if a[0] == "a"]
        if not own:
            return self.number_(indent, scope)
        name = self.random.choice(own)
        self.write(indent, f"{name} = {self.bounded(scope.arrays[name], scope)}")
        if indent > 1:
            self.blur(name, scope)
        return None

    def blur(self, name: str, scope: Scope) -> None:
        """A name that may stand for one of two arrays is only read from then on, mostly."""
        if self.chance(0.9):
            scope.locked.add(name)

    def number_(self, indent: int, scope: Scope) -> None:
        old = [t for t in scope.numbers if t.startswith("t")]
        if old and self.chance(0.7):
            name = self.random.choice(old)
            form = self.pick("{} = {}", "{} = {}", "{} += 0.2 * {}", "{} *= {}", "{} -= {}")
            self.write(indent, form.format(name, self.bounded((), scope)))
            return
        name = self.name("t")
        self.write(indent, f"{name} = {self.bounded((), scope)}")
        scope.numbers.append(name)

    def number_statement(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        self.number_(indent, scope)

    def alias(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        old = self.random.choice(self.own(scope))
        options = self.views(old, scope.arrays[old], scope)
        options = [(t, k) for t, k in options if k != ()] + [(old, scope.arrays[old])] * 4
        text, shape = self.random.choice(options)
        name = self.name("v")
        self.write(indent, f"{name} = {text}")
        scope.arrays[name] = shape

    def target(self, scope: Scope) -> tuple[str, Shape]:
        name = self.random.choice(self.own(scope))
        shape = scope.arrays[name]
        return self.random.choice([*self.views(name, shape, scope), (f"{name}[:]", shape)])

    def write_(self, indent: int, target: str, shape: Shape, scope: Scope) -> None:
        small = shape if self.chance(0.75) else shape[1:]
        self.write(indent, f"{target} = {self.bounded(small, scope)}")

    def writing(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        target, shape = self.target(scope)
        if target.endswith((".T", ")")):
            target += "[:]"
        kind = self.random.random()
        vectors = [a for a in self.own(scope) if scope.arrays[a] == VECTOR]
        if kind < 0.25 and vectors:
            a = self.random.choice(vectors)
            self.write(indent, self.pick(
                f"{a}[1:] = {a}[:-1] * {self.leaf((), scope)} * 0.3",
                f"{a}[:-1] += 0.2 * np.sin({a}[1:])", f"{a}[::2] = {a}[1::2] * 0.9",
                f"{a}[:] = {a}[::-1]", f"{a}[1:3] = 0.5 * ({a}[:2] + {a}[2:])",
                f"{a}[1:] -= 0.3 * {a}[:-1]", f"{a}[[0, 2]] = {a}[[2, 0]]",
            ))  # fmt: skip
        else:
            self.write_(indent, target, shape, scope)

    def augment(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        target, shape = self.target(scope)
        if target.endswith((".T", ")")):
            target += "[:]"
        if shape and target.endswith("[:]") and self.chance(0.5):
            target = target.removesuffix("[:]")
            if not target.isidentifier():
                target += "[:]"
        op = self.pick("+=", "+=", "-=", "*=", "/=")
        value = self.bounded(shape if self.chance(0.7) else (), scope)
        factor = {"*=": "{}", "/=": "(2.0 + {})"}.get(op, "0.3 * {}")
        self.write(indent, f"{target} {op} {factor.format(value)}")

    def mask(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        name = self.random.choice(self.own(scope))
        shape, c = scope.arrays[name], self.number()
        other = self.random.choice([a for a, k in scope.arrays.items() if k == shape])
        self.write(indent, self.pick(
            f"{name}[{name} > {c}] = {self.bounded((), scope)}",
            f"{name}[{other} < {c}] *= 0.7",
            f"{name}[{other} > {c}] = np.tanh({other}[{other} > {c}])",
            f"{name}[np.abs({other}) < 0.4] += 0.1 * {self.bounded((), scope)}",
        ))  # fmt: skip

    def scatter(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        vectors = [a for a in self.own(scope) if scope.arrays[a] == VECTOR]
        if not vectors:
            return
        a = self.random.choice(vectors)
        self.write(indent, self.pick(
            f"np.add.at({a}, [0, 2, 0], 0.2 * {self.bounded(SHORT, scope)})",
            f"np.add.at({a}, np.array([1, 1, 3]), {self.bounded((), scope)})",
            f"np.subtract.at({a}, [3, 0], 0.3)",
            f"{a}[[0, 1]] += {self.bounded((), scope)}",
            f"{a}[np.array([2, 1, 3])] = {self.bounded(SHORT, scope)}",
        ))  # fmt: skip

    def out(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        name = self.random.choice(self.own(scope))
        shape = scope.arrays[name]
        one, two = self.bounded(shape, scope), self.leaf(shape, scope)
        self.write(indent, self.pick(
            f"np.multiply({one}, 0.8, out={name})", f"np.tanh({two}, out={name})",
            f"np.add({name}, 0.1 * {one}, out={name})", f"np.copyto({name}, {one})",
            f"{name}.fill({self.bounded((), scope)})",
        ))  # fmt: skip

    def swap(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        vectors = [a for a in self.own(scope) if scope.arrays[a] == VECTOR]
        numbers = [t for t in scope.numbers if t.startswith("t")]
        if len(vectors) > 2 and self.chance(0.5):
            a, b = self.random.sample([v for v in vectors if v != "x"], 2)
            self.write(indent, f"{a}, {b} = {b}, {a}")
            if indent > 1 and not loop:
                self.blur(a, scope)
                self.blur(b, scope)
        elif len(numbers) > 1 and self.chance(0.5):
            a, b = self.random.sample(numbers, 2)
            self.write(indent, f"{a}, {b} = {b}, np.sin({a})")
        elif vectors:
            a = self.random.choice(vectors)
            self.write(indent, f"{a}[0], {a}[2] = {a}[2], {a}[0] * 0.9")

    def called(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        if not scope.helpers:
            return
        name, kind = self.random.choice(scope.helpers)
        number = self.leaf((), scope)
        if kind == "closure":
            target = self.name("t")
            self.write(indent, f"{target} = {name}({number})")
            scope.numbers.append(target)
        elif kind == "both":
            array, target = self.name("a"), self.name("t")
            self.write(
                indent, f"{array}, {target} = {name}({self.argument(scope)}, {number}, n)"
            )
            scope.arrays[array] = VECTOR
            scope.locked.add(array)
            scope.numbers.append(target)
        else:
            self.write(indent, f"{name}({self.argument(scope)}, {number}, n)")

    def branch(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        self.write(indent, f"if {self.condition(scope)}:")
        self.block(indent + 1, scope.inner(), depth + 1, loop)
        if self.chance(0.25):
            self.write(indent, f"elif {self.condition(scope)}:")
            self.block(indent + 1, scope.inner(), depth + 1, loop)
        if self.chance(0.55):
            self.write(indent, "else:")
            self.block(indent + 1, scope.inner(), depth + 1, loop)

    def for_(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        inner = scope.inner()
        i = self.name("i")
        ranges = ["range(n)", "range(n)", "range(3)", "range(1, n)", "range(n - 1, -1, -1)",
                  "range(0, n, 2)", "reversed(range(n))",
                  f"range({self.pick('x', 'y')}.shape[0] - 1)"]  # fmt: skip
        if "x" not in scope.arrays:
            ranges.pop()
        if scope.indices:
            j = self.random.choice(scope.indices)
            ranges += [f"range({j})", f"range({j} + 1, n)", f"range({j}, -1, -1)"] * 2
        if self.chance(0.7):
            self.write(indent, f"for {i} in {self.random.choice(ranges)}:")
            inner.indices.append(i)
        else:
            self.write(indent, f"for {self.iteration(inner)}:")
        self.block(indent + 1, inner, depth + 1, True)
        self.otherwise(indent, scope, depth, loop)

    def iteration(self, inner: Scope) -> str:
        """The head of a loop over arrays."""
        vector = self.leaf(VECTOR, inner)
        rows = [a for a, k in inner.arrays.items() if k == MATRIX]
        e, r, i = self.name("e"), self.name("r"), self.name("i")
        kind = self.pick("vector", "rows", "enumerate", "zip", "rowzip")
        if kind in ("rows", "rowzip") and rows:
            row = self.random.choice(rows)
            inner.arrays[r] = VECTOR
            if row in inner.locked:
                inner.locked.add(r)
            if kind == "rows":
                return f"{r} in {row}"
            inner.numbers.append(e)
            return f"{r}, {e} in zip({row}, {vector})"
        inner.numbers.append(e)
        if kind == "enumerate":
            return f"{i}, {e} in enumerate({vector})"
        if kind == "zip":
            other = self.name("e")
            inner.numbers.append(other)
            return f"{e}, {other} in zip({vector}, {self.leaf(SHORT, inner)})"
        return f"{e} in {vector}"

    def otherwise(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        if self.chance(0.15):
            self.write(indent, "else:")
            self.block(indent + 1, scope.inner(), depth + 1, loop)

    def while_(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        k = self.name("k")
        self.write(indent, f"{k} = 0")
        extra = f" and ({self.condition(scope)})" if self.chance(0.4) else ""
        self.write(indent, f"while {k} < {self.pick('n', '3', '2')}{extra}:")
        inner = scope.inner()
        if self.chance(0.8):
            self.write(indent + 1, f"{k} += 1")
            self.block(indent + 1, inner, depth + 1, True)
        else:
            inner.indices.append(k)
            self.block(indent + 1, inner, depth + 1, False)
            self.write(indent + 1, f"{k} += 1")
        self.otherwise(indent, scope, depth, loop)

    def grow(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        """A list that grows in a loop, and what is made of it."""
        xs, i, name = self.name("xs"), self.name("i"), self.name("t")
        shape: Shape = self.random.choice([(), (), VECTOR])
        self.write(indent, f"{xs} = [{self.bounded(shape, scope)}]")
        self.write(indent, f"for {i} in range({self.pick('n', '3')}):")
        inner = scope.inner()
        inner.indices.append(i)
        if self.chance(0.5):
            self.statement(indent + 1, inner, depth + 2, False)
        value = self.bounded(shape, inner)
        if self.chance(0.4):
            value = f"np.tanh({xs}[-1] + {value})"
        if self.chance(0.25):
            self.write(indent + 1, f"if {self.condition(inner)}:")
            self.write(indent + 2, f"{xs}.append({value})")
        else:
            self.write(indent + 1, f"{xs}.append({value})")
        if self.chance(0.3):
            element = f"{xs}[-1]" if shape == () else f"np.sum({xs}[-1])"
        else:
            made = self.pick(
                f"np.array({xs})", f"np.stack({xs})" if shape else f"np.array({xs})"
            )
            element = self.pick(
                f"np.mean({made})",
                f"np.sum(np.sin({made}))",
                f"0.1 * len({xs}) * np.mean({made})",
            )
        self.write(indent, f"{name} = {element}")
        scope.numbers.append(name)

    def optional(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        """A name that is None until a trip gives it an array or a number."""
        found, i, name = self.name("o"), self.name("i"), self.name("t")
        shape: Shape = self.random.choice([(), VECTOR])
        self.write(indent, f"{found} = None")
        self.write(indent, f"for {i} in range({self.pick('n', '3')}):")
        inner = scope.inner()
        inner.indices.append(i)
        if self.chance(0.3):
            self.statement(indent + 1, inner, depth + 2, False)
        self.write(indent + 1, f"if {self.condition(inner)}:")
        value = self.bounded(shape, inner)
        if self.chance(0.4):
            value = f"{value} if {found} is None else np.tanh({found} * {value})"
        self.write(indent + 2, f"{found} = {value}")
        if self.chance(0.3):
            self.leave(indent + 1, inner, depth + 1, True)
        total = f"np.sum({found})" if shape else found
        self.write(indent, f"{name} = 0.3 if {found} is None else {total}")
        scope.numbers.append(name)

    def leave(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        self.write(indent, f"if {self.condition(scope)}:")
        if self.chance(0.3):
            self.statement(indent + 1, scope.inner(), 3, False)
        self.write(indent + 1, self.pick("break", "break", "continue"))

    def early(self, indent: int, scope: Scope, depth: int, loop: bool) -> None:
        self.write(indent, f"if {self.condition(scope)}:")
        if self.chance(0.1):
            self.write(indent + 1, self.result(scope))
        else:
            fresh = ", ".join(self.bounded(shape, scope) for shape in scope.returns)
            self.write(indent + 1, f"return {fresh}")


def program(seed: int) -> str:
    """The text of the program with this seed."""
    return Writer(seed).program()
