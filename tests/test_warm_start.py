"""Machine code is kept between processes: found where it is right, and nowhere else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

numba = pytest.importorskip("numba")

from stagec_runtime.machine_code import helpers, surroundings  # noqa: E402

PROGRAM = """
import sys
import numpy as np
import stagec

def heat(u, steps, c):
    for _ in range(steps):
        for i in range(1, len(u) - 1):
            u[i] += c * (u[i - 1] - 2 * u[i] + u[i + 1])
    return np.sum(u * u)

staged = stagec.value_and_grad(heat, backend="numba")
u = np.linspace(0.0, 1.0, 20) ** 2
staged.source(u, 5, 0.1)
assert "numba" not in sys.modules
value, slope = staged(u, 5, 0.1)
(made,) = next(iter(staged._compiler.table.values()))
kernels = [k.dispatcher for k in made.loaded.kernels]
found = sum(getattr(k._cache, "found", 0) for k in kernels)
compiled = sum(k.stats.cache_misses.total() for k in kernels)
print(found, compiled, len(kernels), repr(float(value)), slope.tobytes().hex())
print(made.loaded.file)
"""


def run(root: Path, seed: int = 0, code: str = PROGRAM, **env: str) -> list[str]:
    """What the program prints: kernels found, compiled, all; its results; its file."""
    environment = {**os.environ, "STAGEC_CACHE_DIR": str(root), "PYTHONHASHSEED": str(seed)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{SOURCE}{code!r})"], capture_output=True,
        text=True, env={**environment, **env}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


# staging needs the source
SOURCE = (
    "import linecache\n"
    "def run(text):\n"
    "    lines = text.splitlines(keepends=True)\n"
    "    linecache.cache['<program>'] = (len(text), None, lines, '<program>')\n"
    "    exec(compile(text, '<program>', 'exec'), {'__name__': 'program'})\n"
    "run("
)


def test_a_new_process_compiles_nothing(tmp_path: Path) -> None:
    root = tmp_path / "store"
    cold = run(root)
    kernels = cold[2]
    assert int(kernels) > 0
    assert cold[:2] == ["0", kernels]
    warm = run(root, seed=1)
    assert warm[:2] == [kernels, "0"]
    assert warm[2:] == cold[2:]
    assert Path(warm[-1]).parent.parent == root

    # what is broken is compiled again
    for path in root.glob("stagec-code/*"):
        path.write_bytes(path.read_bytes()[:-10])
    again = run(root)
    assert again[:2] == ["0", kernels]
    assert again[2:] == cold[2:]


def test_what_numba_can_compile_is_not_read_where_nothing_is_compiled(tmp_path: Path) -> None:
    code = f"{PROGRAM}print('numba.np.arraymath' in sys.modules)\n"
    assert run(tmp_path / "store", code=code)[-1] == "True"
    warm = run(tmp_path / "store", code=code)
    assert (warm[1], warm[-1]) == ("0", "False")
    # unless machine code refers to something else
    missing = "import llvmlite.binding as b\nb.address_of_symbol = lambda name: None\n"
    again = run(tmp_path / "store", code=missing + code)
    assert (again[:5], again[-1]) == (warm[:5], "True")


LONG = """
import numpy as np
import stagec
from stagec_runtime import threads

staged = stagec.value_and_grad(lambda w: np.sum(np.sin(w) * np.exp(-w * w)), backend="numba")
w = np.linspace(0.0, 1.0, 200_000)
value, slope = staged(w)
assert threads.pool().started == 2
(made,) = next(iter(staged._compiler.table.values()))
(kernel,) = made.loaded.kernels
cache = kernel.dispatcher._cache
print(cache.found, cache.stored, repr(float(value)), slope[::999].tobytes().hex())
"""


def test_kernels_in_parts_are_kept(tmp_path: Path) -> None:
    cold = run(tmp_path / "store", code=LONG, STAGEC_THREADS="3")
    assert cold[:2] == ["0", "1"]
    assert run(tmp_path / "store", code=LONG, STAGEC_THREADS="3") == ["1", "0", *cold[2:]]


GROWN = """
import numpy as np
import stagec

def product(a, b, c):
    for i in range(len(a)):
        for j in range(b.shape[1]):
            total = 0.0
            for k in range(len(b)):
                total += a[i, k] * b[k, j]
            c[i, j] = total
    return c

staged = stagec.jit(product, backend="numba")
for n in (4, 90):
    staged(np.ones((n, n + 1)), np.ones((n + 1, n + 2)), np.ones((n, n + 2)))
made = next(iter(staged._compiler.table.values()))
caches = [k.dispatcher._cache for m in made for k in m.loaded.kernels]
print(len(made), sum(c.found for c in caches), sum(c.stored for c in caches))
"""


def test_code_for_longer_arrays_is_kept_beside_that_for_short_ones(tmp_path: Path) -> None:
    versions, *cold = run(tmp_path / "store", code=GROWN)
    assert (versions, cold[0]) == ("2", "0")
    assert int(cold[1]) > 1
    assert run(tmp_path / "store", code=GROWN) == ["2", cold[1], "0"]


def test_processes_that_race_are_all_right(tmp_path: Path) -> None:
    environment = {**os.environ, "STAGEC_CACHE_DIR": str(tmp_path / "store")}
    racing = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", f"{SOURCE}{PROGRAM!r})"],
            stdout=subprocess.PIPE, text=True, env=environment,
        )
        for _ in range(2)
    ]  # fmt: skip
    found = [process.communicate()[0].split() for process in racing]
    assert [process.returncode for process in racing] == [0, 0]
    assert len({tuple(f[2:]) for f in found}) == 1
    assert all(int(f[0]) + int(f[1]) == int(f[2]) for f in found)


def test_without_a_store_all_is_compiled() -> None:
    quiet = f"import warnings\nwarnings.simplefilter('ignore')\n{PROGRAM}"
    found = run(Path("."), code=quiet, STAGEC_CACHE_DIR="/proc/none")
    assert found[:2] == ["0", found[2]]
    assert not Path(found[-1]).exists()


FORK = """
import os, signal, threading
import numpy as np
import stagec

def f(x, k):
    for i in range(len(x)):
        x[i] += k
    return x

staged = stagec.jit(f, backend="numba")
staged(np.ones(3), 2.0)  # Python itself cannot fork while a thread imports
started = threading.Event()

def compiling():
    for dtype in ("f4", "c8", "c16"):
        started.set()
        staged(np.ones(3, dtype), 2.0)

thread = threading.Thread(target=compiling)
thread.start()
started.wait()
for _ in range(3):
    child = os.fork()
    if not child:
        signal.alarm(120)
        os._exit(0 if staged(np.ones(3, "i8"), 3)[0] == 4 else 1)
    print(os.waitpid(child, 0)[1])
thread.join()
"""


def test_a_fork_while_a_thread_compiles_does_not_hang() -> None:
    # Python 3.12 warns of any fork beside threads
    quiet = f"import warnings\nwarnings.simplefilter('ignore')\n{FORK}"
    assert run(Path("."), code=quiet, STAGEC_CACHE_DIR="off") == ["0", "0", "0"]


def test_helpers_inside_of_machine_code_are_part_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    before = helpers(tmp_path)
    assert helpers(tmp_path) == before
    (tmp_path / "a.py").write_text("x = 2\n")
    changed = helpers(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({before, changed, helpers(tmp_path)}) == 3
    assert re.fullmatch("[0-9a-f]{64}", before)


def test_settings_of_numba_are_part_of_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    before = surroundings()
    monkeypatch.setattr(numba.config, "OPT", 2)
    assert surroundings.__wrapped__() != before
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 77)
    monkeypatch.undo()
    assert surroundings.__wrapped__() == before
