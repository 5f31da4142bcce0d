"""Makes a failing program small: deletes statements and puts parts in place of wholes."""

from __future__ import annotations

import ast
import copy
import time
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.judge import Verdict, judge

SECONDS = 60.0


def shrink(text: str, seed: int, verdict: Verdict, backend: str = "numpy") -> str:
    """The smallest program found that fails at the same stage."""
    tree = ast.parse(text)
    deadline = time.monotonic() + SECONDS
    again = True
    while again:
        again = False
        for smaller in variants(tree):
            if time.monotonic() > deadline:
                return ast.unparse(tree)
            if fails_alike(smaller, seed, verdict, backend):
                tree, again = smaller, True
                break
    return ast.unparse(tree)


def fails_alike(tree: ast.Module, seed: int, verdict: Verdict, backend: str) -> bool:
    """Whether the program fails at the same stage."""
    try:
        text = ast.unparse(tree)
        compile(text, "<smaller>", "exec")
    except (SyntaxError, ValueError):
        return False
    try:
        found = judge(text, seed, backend=backend)
    except NameError:
        return False
    return (
        found.kind == "mismatch"
        and found.stage == verdict.stage
        and cause(found) == cause(verdict)
    )


def cause(verdict: Verdict) -> str:
    """What tells one crash from another: where it happened."""
    places = [x for x in verdict.detail.splitlines() if x.strip().startswith("File ")]
    return places[-1] if places else ""


def variants(tree: ast.Module) -> Iterator[ast.Module]:
    """Programs that are smaller by one step, large steps first."""
    for change in (statements, bodies, expressions):
        k = 0
        while True:
            smaller = copy.deepcopy(tree)
            if not change(smaller, k):
                break
            yield ast.fix_missing_locations(smaller)
            k += 1


def lists(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every list of statements, outer ones first."""
    for node in ast.walk(tree):
        for name in ("body", "orelse"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                yield block


def statements(tree: ast.Module, k: int) -> bool:
    """Delete the k-th statement; False if there is none."""
    for block in lists(tree):
        if k < len(block):
            del block[len(block) - 1 - k]
            for other in ast.walk(tree):
                if getattr(other, "body", None) == [] and isinstance(other, ast.stmt):
                    other.body = [ast.Pass()]  # type: ignore[attr-defined]
            return True
        k -= len(block)
    return False


def bodies(tree: ast.Module, k: int) -> bool:
    """Replace the k-th compound statement by one of its blocks."""
    for block in lists(tree):
        for at, stmt in enumerate(block):
            if isinstance(stmt, ast.FunctionDef):
                continue
            for name in ("body", "orelse"):
                part = getattr(stmt, name, None)
                if isinstance(part, list) and part:
                    if k == 0:
                        block[at : at + 1] = part
                        return True
                    k -= 1
    return False


def expressions(tree: ast.Module, k: int) -> bool:
    """Replace the k-th expression by one of its operands, or by a number."""
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            for at, child in enumerate(value if isinstance(value, list) else [value]):
                if not isinstance(child, ast.expr) or isinstance(
                    getattr(child, "ctx", None), ast.Store
                ):
                    continue
                for part in smaller_forms(child):
                    if k == 0:
                        if isinstance(value, list):
                            value[at] = part
                        else:
                            setattr(node, name, part)
                        return True
                    k -= 1
    return False


def smaller_forms(node: ast.expr) -> list[ast.expr]:
    """The operands of an expression, and a number in its place."""
    match node:
        case ast.BinOp(left, _, right):
            return [left, right]
        case ast.UnaryOp(_, operand):
            return [operand]
        case ast.BoolOp(_, values):
            return values
        case ast.Call(ast.Attribute(ast.Name("np")), args) if args:
            return [*args, ast.Constant(0.5)]
        case ast.Call(_, args) if args:
            return [ast.Constant(0.5), *args]
        case ast.Subscript(value):
            return [value, ast.Constant(0.5)]
        case ast.Attribute(value, attr) if attr == "T":
            return [value]
        case ast.Compare(left):
            return [ast.Constant(True), ast.Constant(False)]
        case _:
            return []


TAIL = """

if __name__ == "__main__":
    import stagec as sc

    for trips in {trips}:
        rng = np.random.default_rng([{seed}, trips])
        s = float(rng.uniform(-1, 1))
        args = (rng.uniform(-1, 1, 4), rng.uniform(-1, 1, (3, 4)), s, trips)
        fresh = lambda: tuple(np.copy(a) if isinstance(a, np.ndarray) else a for a in args)
        one, two = fresh(), fresh()
        print("n =", trips)
        print("eager   ", f(*one), one)
        print("jit     ", sc.jit(f)(*two), two)
        gradient = sc.grad(loss, argnums=(0, 1, 2))(*fresh())
        rng = np.random.default_rng([{seed}, 99])
        along = (rng.normal(size=4), rng.normal(size=(3, 4)), float(rng.normal()))
        print("reverse ", sum(np.sum(g * v) for g, v in zip(gradient, along)))
        print("forward ", sc.jvp(loss, fresh(), (*along, None))[1])
        at = lambda h: loss(*(a + h * v for a, v in zip(fresh(), along)), trips)
        print("measured", (at(1e-5) - at(-1e-5)) / 2e-5)
"""


def reproduction(text: str, seed: int, verdict: Verdict) -> str:
    """A module that runs alone and shows the failure."""
    note = "\n".join(f"# {line}" for line in verdict.detail.splitlines())
    head = f'"""Seed {seed}: {verdict.stage}."""\n\n{note}\n'
    return head + text + TAIL.format(seed=seed, trips=(3, 2, 0))


def write(folder: Path, text: str, seed: int, verdict: Verdict) -> Path:
    """Write the module into the folder; returns its path."""
    path = folder / f"repro_{seed}.py"
    path.write_text(reproduction(text, seed, verdict))
    return path
