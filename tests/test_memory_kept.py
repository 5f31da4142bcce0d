"""Memory that kernels free stays with the process."""

import os
import subprocess
import sys

import pytest

from stagec_runtime.memory import OWN, wanted

PROGRAM = """
import resource, sys
import numpy as np
import stagec
from stagec_runtime.memory import keep_freed

def f(x):
    for _ in range(100):
        x = x * np.sin(x)
    return np.sum(x)

g = stagec.grad(f, backend="numba")
x = np.linspace(0.0, 1.0, int(sys.argv[1]))
g(x), g(x)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
g(x)
print(keep_freed(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """No settings of the C library's, and none of ours."""
    for name in (*OWN, "GLIBC_TUNABLES", "STAGEC_KEEP_MEMORY"):
        monkeypatch.delenv(name, raising=False)


def faults(folder, size):
    """Whether the C library was told, and how many pages a third call waits for."""
    file = folder / "program.py"
    file.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(file), str(size)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    told, pages = done.stdout.split()
    return told == "True", int(pages)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
@pytest.mark.parametrize("size", [10_000, 60_000])  # glibc keeps what is recorded, and does not
def test_a_second_call_waits_for_no_pages(monkeypatch, tmp_path, size):
    told, pages = faults(tmp_path, size)
    assert told
    monkeypatch.setenv("STAGEC_KEEP_MEMORY", "0")
    asked, more = faults(tmp_path, size)
    assert not asked
    assert pages * 5 < more


def test_the_limit_is_in_megabytes(monkeypatch):
    assert wanted() == 256 << 20
    monkeypatch.setenv("STAGEC_KEEP_MEMORY", "3")
    assert wanted() == 3 << 20
    monkeypatch.setenv("STAGEC_KEEP_MEMORY", "some")
    assert wanted() == 256 << 20


@pytest.mark.parametrize(
    ("name", "text"),
    [("MALLOC_TRIM_THRESHOLD_", "1000"), ("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=1")],
)
def test_settings_of_the_user_are_left_alone(monkeypatch, name, text):
    monkeypatch.setenv(name, text)
    assert wanted() == 0
