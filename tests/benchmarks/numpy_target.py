"""The limits of the NumPy target, each figure printed with its target: `... numpy_target`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

import numpy as np

import stagec
from tests.benchmarks import programs
from tests.benchmarks.timing import each, medians, peak


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def gradients() -> None:
    """Gradient over forward time, both our generated NumPy code."""
    say("gradient time / forward time (target: at most 5, not growing)")
    for name, (function, arguments, sizes) in programs.LOOPS.items():
        fun = vars(programs.example(name))[function]
        forward, gradient = stagec.jit(fun), stagec.value_and_grad(fun)
        found: list[str] = []
        for n in sizes:
            args = arguments(n)
            once, back = medians(lambda: forward(*args), lambda: gradient(*args))  # noqa: B023
            found.append(f"{n}: {back / once:.1f} ({1e3 * back:.3g} ms)")
        say(f"  {name:13} {'  '.join(found)}")


def memory() -> None:
    """The peak memory of the Cholesky gradient."""
    say("peak memory of the Cholesky gradient (target: a multiple of n * n doubles)")
    gradient = stagec.grad(programs.example("cholesky").log_determinant)
    for n in (32, 64, 128):
        matrix = programs.positive(n)
        say(f"  n = {n}: {peak(lambda: gradient(matrix)) / matrix.nbytes:.1f} n * n doubles")  # noqa: B023


def calls() -> None:
    """The cost of calling compiled code."""
    arrays = [np.ones(3) for _ in range(5)]
    staged = stagec.jit(programs.five)
    (own,) = medians(each(lambda: staged(*arrays), 2000))
    say(f"call of a compiled function of five arrays: {own / 2000 * 1e6:.1f} us (target: 2)")


def compilation() -> None:
    """The time until a result is there for the first time."""
    x = np.ones(4)
    stagec.grad(programs.straight(5))(x, x)
    gradient = stagec.grad(programs.straight(30))
    start = time.process_time()
    gradient(x, x)
    spent = time.process_time() - start
    say(f"first gradient of 30 statements: {spent:.2f} s of CPU (target: 0.3)")
    say("first call, CPU time (target: linear, at most 3 s for 1000)")
    for count in (100, 300, 1000):
        staged = stagec.jit(programs.straight(count))
        start = time.process_time()
        staged(x, x)
        spent = time.process_time() - start
        say(f"  {count} statements: {spent:.2f} s, {1e3 * spent / count:.2f} ms each")


def imports() -> None:
    """The time of `import stagec` beyond that of NumPy, both compiled to bytecode before."""
    with tempfile.TemporaryDirectory() as folder:
        spent = [
            min(_imported(text, folder) for _ in range(3))
            for text in ("import numpy", "import stagec")
        ]
    say(f"import stagec: {spent[1] - spent[0]:.2f} s after NumPy's {spent[0]:.2f} s")


def _imported(text: str, folder: str) -> float:
    code = f"import time; t = time.process_time(); {text}; print(time.process_time() - t)"
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = folder
    return float(subprocess.check_output([sys.executable, "-c", code], text=True, env=env))


def main() -> None:
    """Print them all."""
    for measure in (gradients, memory, calls, compilation, imports):
        measure()
