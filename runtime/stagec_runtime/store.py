"""The private directory of the user that holds generated modules and machine code.

Only what this user wrote with the directory's own key is ever read.  Nothing here raises
because of the state of the disk: what cannot be read is not there, what cannot be written is
dropped.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import hmac
import os
import secrets
import stat
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "STAGEC_CACHE_DIR"
OFF = "off"
LAYOUT = "v1"  # of the directory
CODE, MODULES = "stagec-code", "stagec-modules"
SUFFIX, TEMPORARY = ".stagec", ".tmp-stagec-"
LARGEST = 64 << 20  # bytes of an entry
LIMIT = 512 << 20  # bytes of all entries
STALE = 3600.0  # seconds after which a temporary file was left by a process that died
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
OTHERS_MAY_READ = stat.S_IRGRP | stat.S_IROTH


class UnusableError(Exception):
    """Why a directory is not used."""


@dataclass(frozen=True, slots=True)
class Store:
    """A directory, or why there is none.

    Attributes
    ----------
    root : the directory; None if nothing is stored.
    why : why nothing is stored.
    key : signs the entries.
    """

    root: Path | None
    why: str
    key: bytes = b""

    def get(self, name: str) -> bytes | None:
        """The entry of that name; None if there is none that can be trusted."""
        if self.root is None:
            return None
        path = self._path(name)
        try:
            content = _read(path, LARGEST)
        except (OSError, UnusableError):
            return None
        _touch(path)
        tag, _, data = content.partition(b"\n")
        return data if hmac.compare_digest(tag, self._tag(name, data)) else None

    def put(self, name: str, data: bytes) -> None:
        """Store an entry."""
        if self.root is None:
            return
        with contextlib.suppress(OSError):
            _write(self._path(name), self._tag(name, data) + b"\n" + data)
            _sweep_once(self.root)

    def module(self, name: str, text: str) -> Path | None:
        """The file of a generated module, with this text; None if it cannot be stored."""
        if self.root is None:
            return None
        path = self.root / MODULES / name
        data = text.encode()
        try:
            try:
                if _read(path, LARGEST) == data:
                    _touch(path)
                    return path
            except (FileNotFoundError, UnusableError):
                pass
            _write(path, data)
        except OSError:
            return None
        return path

    def clear(self) -> None:
        """Remove everything that was stored."""
        for path, _ in self._files():
            _remove(path)

    def usage(self) -> tuple[int, int]:
        """The number of files and their bytes."""
        sizes = [found.st_size for _, found in self._files()]
        return len(sizes), sum(sizes)

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        return iter(()) if self.root is None else _files(self.root)

    def _path(self, name: str) -> Path:
        assert self.root is not None
        return self.root / CODE / f"{name}{SUFFIX}"

    def _tag(self, name: str, data: bytes) -> bytes:
        signed = hmac.new(self.key, name.encode() + b"\n", hashlib.sha256)
        signed.update(data)
        return signed.hexdigest().encode()


def store() -> Store:
    """The store that the environment asks for."""
    return _opened(os.environ.get(VARIABLE, ""))


@functools.lru_cache(maxsize=8)
def _opened(setting: str) -> Store:
    if setting == OFF:
        return Store(None, f"{VARIABLE} is {OFF}")
    try:
        root = Path(setting).absolute() if setting else _default()
        return Store(root, "", _prepared(root))
    except UnusableError as error:
        why = str(error)
    if setting:
        warnings.warn(f"stagec: nothing is cached: {why}", RuntimeWarning, stacklevel=2)
    return Store(None, why)


def _default() -> Path:
    """The directory where no other is asked for."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    except RuntimeError:
        raise UnusableError("there is no home directory") from None
    return base / "stagec" / LAYOUT


def _prepared(root: Path) -> bytes:
    """The key of the directory, which is made if it is not there."""
    if not hasattr(os, "geteuid"):
        raise UnusableError("the owner of a file is not known on this system")
    try:
        root.mkdir(0o700, parents=True, exist_ok=True)
        found = root.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise UnusableError(f"{root} is not a directory")
        if found.st_uid != os.geteuid():
            raise UnusableError(f"{root} belongs to another user")
        if found.st_mode & OTHERS_MAY_WRITE:
            raise UnusableError(f"others may write to {root}")
        return _secret(root / "key")
    except OSError as error:
        raise UnusableError(f"{root}: {error.strerror}") from None


def _secret(path: Path) -> bytes:
    """The 32 bytes in the file, made at first use; processes that race agree."""
    for _ in range(3):
        try:
            found = _read(path, 32, OTHERS_MAY_WRITE | OTHERS_MAY_READ)
            if len(found) == 32:
                return found
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        except UnusableError:
            path.unlink(missing_ok=True)
        _write(path, secrets.token_bytes(32), replace=False)
    raise UnusableError(f"{path} cannot be made")


def _read(path: Path, largest: int, forbidden: int = OTHERS_MAY_WRITE) -> bytes:
    """The content of a file of this user; raises UnusableError if it is anything else."""
    # a link is not followed, and a pipe is not waited for
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        found = os.fstat(number)
        regular = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if not regular or found.st_mode & forbidden or found.st_size > largest:
            raise UnusableError(f"{path} is not a private file")
        return file.read()


def _write(path: Path, data: bytes, replace: bool = True) -> None:
    """Write the file at once, so that nobody ever sees a part of it."""
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    number, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
        if replace:
            os.replace(temporary, path)
            return
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    os.unlink(temporary)


@functools.lru_cache(maxsize=8)
def _sweep_once(root: Path) -> None:
    sweep(root)


def sweep(root: Path, limit: int = LIMIT) -> None:
    """Remove files that dead processes left, and the oldest entries beyond the limit."""
    kept: list[tuple[float, int, Path]] = []
    for path, found in _files(root):
        if not path.name.startswith(TEMPORARY):
            kept.append((found.st_mtime, found.st_size, path))
        elif found.st_mtime < time.time() - STALE:
            _remove(path)
    total = sum(size for _, size, _ in kept)
    for _, size, path in sorted(kept):
        if total <= limit:
            return
        _remove(path)
        total -= size


def _files(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The files of the store and no others, whatever else is in the directory."""
    for pattern in (f"{CODE}/*{SUFFIX}", f"{MODULES}/*.py", f"*/{TEMPORARY}*"):
        for path in sorted(root.glob(pattern)):
            with contextlib.suppress(OSError):
                yield path, path.lstat()


def _touch(path: Path) -> None:
    """Note that the file was used: those used longest ago are dropped first."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
