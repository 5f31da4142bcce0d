"""The private directory: only what this user wrote is read, and nothing ever raises."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stagec_runtime import store as opened
from stagec_runtime.store import CODE, MODULES, SUFFIX, TEMPORARY, VARIABLE, Store, sweep

NAME, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a store, which is used from here on."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "store"))
    return tmp_path / "store"


def entry(root: Path, name: str = NAME) -> Path:
    return root / CODE / f"{name}{SUFFIX}"


def test_entries_come_back(root: Path) -> None:
    store = opened()
    assert store.get(NAME) is None
    for data in (b"", b"code\n\0more", b"x" * 100_000):
        store.put(NAME, data)
        assert store.get(NAME) == data
    assert store.get(OTHER) is None
    assert root.stat().st_mode & 0o777 == 0o700
    assert entry(root).stat().st_mode & 0o077 == 0


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def foreign(path: Path) -> None:
    """As another user's key would have signed it."""
    Store(path.parents[1], "", b"another key").put(NAME, b"bad")


def renamed(path: Path) -> None:
    opened().put(OTHER, b"other")
    entry(path.parents[1], OTHER).replace(path)


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


POISON: dict[str, Callable[[Path], object]] = {
    "flipped": flipped,
    "truncated": lambda p: p.write_bytes(p.read_bytes()[:-3]),
    "empty": lambda p: p.write_bytes(b""),
    "junk": lambda p: p.write_bytes(os.urandom(300)),
    "foreign": foreign,
    "renamed": renamed,
    "link": linked,
    "pipe": piped,
    "folder": folder,
    "writable by others": lambda p: p.chmod(0o666),
    "unreadable": lambda p: p.chmod(0o000) if os.geteuid() else p.unlink(),
    "huge": lambda p: os.truncate(p, 1 << 30),
}


@pytest.mark.parametrize("kind", POISON)
def test_poisoned_entries_are_not_there(kind: str, root: Path) -> None:
    store = opened()
    store.put(NAME, b"good")
    POISON[kind](entry(root))
    assert store.get(NAME) is None
    store.put(NAME, b"again")
    assert store.get(NAME) == (None if kind == "folder" else b"again")


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_broken_key_is_made_anew(content: bytes, tmp_path: Path, root: Path) -> None:
    root.mkdir(0o700)
    (root / "key").write_bytes(content)
    (root / "key").chmod(0o600)
    store = opened()
    store.put(NAME, b"data")
    assert store.get(NAME) == b"data"
    assert len((root / "key").read_bytes()) == 32


def test_a_key_that_others_may_read_is_made_anew(root: Path) -> None:
    root.mkdir(0o700)
    (root / "key").write_bytes(b"x" * 32)
    (root / "key").chmod(0o644)
    assert opened().key != b"x" * 32


def shared(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "file": (lambda p: p.write_text("x"), "File exists"),
    "link": (lambda p: (p.with_name("real").mkdir(), p.symlink_to("real")), "not a directory"),
    "shared": (shared, "others may write"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_directories_that_cannot_be_used_warn_once(kind: str, root: Path) -> None:
    make, why = UNUSABLE[kind]
    make(root)
    with pytest.warns(RuntimeWarning, match=why):
        store = opened()
    assert store.root is None
    assert opened() is store  # without a second warning
    store.put(NAME, b"data")
    assert store.get(NAME) is None
    assert store.module("m.py", "x = 1") is None
    assert store.usage() == (0, 0)


def test_directories_of_others_are_not_used(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.mkdir(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.warns(RuntimeWarning, match="belongs to another user"):
        assert opened().root is None


def test_the_default_directory_never_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    opened.__globals__["_opened"].cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert opened().root == tmp_path / "stagec" / "v1"
    opened.__globals__["_opened"].cache_clear()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert opened().root is None
    opened.__globals__["_opened"].cache_clear()


def test_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "off")
    assert opened().root is None


def test_a_full_disk_is_no_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    store.put(NAME, b"data")
    assert store.module("m.py", "x = 1") is None
    monkeypatch.undo()
    assert store.get(NAME) is None
    assert not list(root.glob(f"*/{TEMPORARY}*"))


def test_module_files_hold_the_text_that_is_run(root: Path) -> None:
    store = opened()
    path = store.module("m.py", "x = 1\n")
    assert path is not None
    assert path == root / MODULES / "m.py"
    path.write_text("import evil\n")
    assert store.module("m.py", "x = 1\n") == path
    assert path.read_text() == "x = 1\n"


def test_the_oldest_go_first_and_only_ours(root: Path) -> None:
    store = opened()
    for k in range(5):
        store.put(f"{k}" * 64, b"x" * 1000)
        os.utime(entry(root, f"{k}" * 64), (k + 1e9, k + 1e9))
    store.get("0" * 64)
    store.module("m.py", "x = 1\n")
    left, young = root / CODE / f"{TEMPORARY}left", root / CODE / f"{TEMPORARY}young"
    left.write_bytes(b"x")
    os.utime(left, (0, 0))
    young.write_bytes(b"x")
    mine = root / CODE / "thesis.tex"
    mine.write_text("mine")
    sweep(root, 2500)
    assert [store.get(f"{k}" * 64) is not None for k in range(5)] == [True, *[False] * 3, True]
    assert not left.exists()
    assert young.exists()
    assert store.usage()[0] == 4
    store.clear()
    assert store.usage() == (0, 0)
    assert mine.exists()


WRITER = """
import sys
from stagec_runtime import store
kept = store()
print("ready", flush=True)
while True:
    for name in "ab":
        kept.put(name * 64, name.encode() * 50_000)
"""


def test_writers_may_be_killed_at_any_time(root: Path) -> None:
    store = opened()
    wanted = {None, b"a" * 50_000}
    for _ in range(6):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        until = time.monotonic() + 0.05
        while time.monotonic() < until:
            assert store.get(NAME) in wanted
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
        assert store.get(NAME) in wanted
    assert store.get(NAME) is not None
