"""Random programs of nested expressions with effects, for comparing one form with another."""

from __future__ import annotations

import random

NAMES = ("a", "b", "c", "n")


class Writer:
    """Writes one function `f(a, b, c, n, xs)` of integers and a list."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.tags = 0
        self.bound: list[str] = []

    def program(self) -> str:
        self.block(1, 3, in_loop=False)
        captured = self.random.choice(NAMES)
        head = [
            "def f(a, b, c, n, xs):",
            "    def poke(v):",
            f"        nonlocal {captured}",
            f"        {captured} += v",
            "        xs[0] = v",
            "        return len(xs)",
        ]
        return "\n".join([*head, *self.lines, "    return a, b, c, n, xs", ""])

    def block(self, indent: int, budget: int, in_loop: bool) -> None:
        for _ in range(self.random.randint(1, 2)):
            self.statement(indent, budget, in_loop)

    def write(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def statement(self, indent: int, budget: int, in_loop: bool) -> None:
        kinds = ["assign", "augmented", "expression", "unpack"]
        if budget > 0:
            kinds += ["if", "while", "for", "try", "match"]
        if in_loop:
            kinds += ["leave"]
        getattr(self, "do_" + self.random.choice(kinds))(indent, budget - 1, in_loop)

    def target(self) -> str:
        place = f"xs[{self.expression(1)} % len(xs)]"
        return self.random.choice([*NAMES, place])

    def do_assign(self, indent: int, budget: int, in_loop: bool) -> None:
        targets = " = ".join(self.target() for _ in range(self.random.randint(1, 2)))
        self.write(indent, f"{targets} = {self.expression(2)}")

    def do_augmented(self, indent: int, budget: int, in_loop: bool) -> None:
        self.write(indent, f"{self.target()} {self.random.choice('+-')}= {self.expression(2)}")

    def do_expression(self, indent: int, budget: int, in_loop: bool) -> None:
        self.write(indent, self.expression(2))

    def do_unpack(self, indent: int, budget: int, in_loop: bool) -> None:
        left = ", ".join(self.target() for _ in range(2))
        self.write(indent, f"{left} = {self.expression(2)}, {self.expression(2)}")

    def do_if(self, indent: int, budget: int, in_loop: bool) -> None:
        self.write(indent, f"if {self.expression(2)}:")
        self.block(indent + 1, budget, in_loop)
        if self.random.random() < 0.6:
            self.write(indent, "else:")
            self.block(indent + 1, budget, in_loop)

    def do_while(self, indent: int, budget: int, in_loop: bool) -> None:
        counter = f"k{len(self.lines)}"
        self.write(indent, f"{counter} = 0")
        self.write(indent, f"while ({counter} := {counter} + 1) < 4 and {self.expression(2)}:")
        self.loop_body(indent, budget, in_loop)

    def do_for(self, indent: int, budget: int, in_loop: bool) -> None:
        iterable = self.random.choice(["range(e(3))", "[a, b]", "list(xs[:2])", "(1, 2, 3)"])
        self.write(indent, f"for {self.random.choice(NAMES)} in {iterable}:")
        self.loop_body(indent, budget, in_loop)

    def loop_body(self, indent: int, budget: int, in_loop: bool) -> None:
        self.block(indent + 1, budget, True)
        if self.random.random() < 0.4:
            self.write(indent, "else:")
            self.block(indent + 1, budget, in_loop)

    def do_try(self, indent: int, budget: int, in_loop: bool) -> None:
        self.write(indent, "try:")
        self.block(indent + 1, budget, in_loop)
        self.write(indent + 1, f"1 // ({self.expression(1)})")
        self.write(indent, "except (ZeroDivisionError, ValueError) as error:")
        self.block(indent + 1, budget, in_loop)
        if self.random.random() < 0.5:
            self.write(indent, "finally:")
            self.do_augmented(indent + 1, budget, in_loop)

    def do_match(self, indent: int, budget: int, in_loop: bool) -> None:
        self.write(indent, f"match ({self.expression(2)}, {self.expression(1)}):")
        patterns = ["(0 | 1, b)", "(a, 2 | 3)", "(int(c), n)", "[_, a]", "(n, _) as d"]
        for pattern in self.random.sample(patterns, 2):
            guard = f" if {self.expression(2)}" if self.random.random() < 0.5 else ""
            self.write(indent + 1, f"case {pattern}{guard}:")
            self.block(indent + 2, budget - 1, in_loop)

    def do_leave(self, indent: int, budget: int, in_loop: bool) -> None:
        self.write(indent, f"if {self.expression(1)}:")
        leave = self.random.choice(["break", "continue", f"return {self.expression(2)}"])
        self.write(indent + 1, leave)

    def expression(self, depth: int) -> str:
        if depth == 0 or self.random.random() < 0.15:
            return self.random.choice([*NAMES, *self.bound, str(self.random.randint(-2, 4))])
        x, y, z = (self.expression(depth - 1) for _ in range(3))
        self.tags += 1
        forms = [
            f"({x} {self.random.choice('+-*')} {y}) % 1009",
            f"e({self.tags}, {x})",
            f"({x} and {y})",
            f"({x} or {y} and {z})",
            f"(not {x})",
            f"({x} if {y} else {z})",
            f"({x} < {y} <= {z})",
            f"poke({x})",
            f"xs[{x} % len(xs)]",
            f"max(*[{x}, {y}], {z})",
            f"sum([{x}, *xs[{y}:]][:3])",
            f"len(f'{{a}} {{poke({depth})}} {{xs}} {{c:>{{poke(1)}}}}')",
            f"(lambda v, w={x}: v - w + {self.random.choice(NAMES)})({y})",
            f"{{'k': {x}, **{{'m': {y}}}}}['k']",
        ]
        if not self.bound:
            forms.append(f"({self.random.choice(NAMES)} := {x})")
        if len(self.bound) < 2:
            forms += [self.comprehension(depth - 1), self.comprehension(depth - 1)]
        return self.random.choice(forms)

    def comprehension(self, depth: int) -> str:
        source = self.random.choice(["xs[:3]", "range(2)", "(1, 2)"])
        name = self.random.choice(["i", "j", "a"])
        self.bound.append(name)
        element, test = self.expression(depth), self.expression(max(depth - 1, 0))
        self.bound.pop()
        body = f"{element} for {name} in {source} if {test}"
        return self.random.choice([f"sum([{body}])", f"sum({body})", f"len({{{body}}})"])
