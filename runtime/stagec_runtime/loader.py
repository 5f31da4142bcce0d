"""Loading generated modules from files, so that tracebacks and debuggers see them."""

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from stagec_runtime.memory import keep_freed
from stagec_runtime.store import Store, store

NOTHING = Store(None, "")
_FOLDER: list[Path] = []


def folder() -> Path:
    """The process's private folder of generated modules, made on first use.

    It is made anew when it is gone: systems clear old files away under processes that run long.
    """
    if not _FOLDER or not _FOLDER[-1].is_dir():
        path = Path(tempfile.mkdtemp(prefix="stagec-"))
        atexit.register(_remove, path, os.getpid())
        _FOLDER.append(path)
    return _FOLDER[-1]


def _remove(path: Path, owner: int) -> None:
    """Remove the folder at the end of the process that made it, not of a forked child."""
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A module in memory.

    Attributes
    ----------
    entry : the function to call.
    file : where the source was written.
    kernels : the compiled functions: see `stagec_runtime.compiling`.
    """

    entry: Any
    file: str
    kernels: tuple[Any, ...]


def load(
    text: str,
    entry: str,
    objects: dict[str, Any],
    kernels: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
    limit: int = 0,
    parts: Container[str] = (),
) -> Loaded:
    """The module with source `text`, whose function `entry` is the one to call.

    `objects` are further globals of the module; `kernels` its compiled functions, with the
    positions of their integer arguments, which must be below `limit` for compiled code; `parts`
    are those of them that may be called in parts.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    file = f"{entry}_{digest}.py"
    kept = store() if kernels else NOTHING
    if kernels:
        keep_freed()
    path = kept.module(file, text)
    if path is None:
        path = folder() / file
        path.write_text(text)
    # the same name in each process: machine code refers to it
    module = ModuleType(f"stagec.generated.{entry}_{digest}")
    module.__file__ = str(path)
    namespace = vars(module)
    namespace.update(objects)
    exec(compile(text, str(path), "exec"), namespace)
    made: list[Any] = []
    for name, integers in kernels.items():
        from stagec_runtime.compiling import Kernel  # Numba takes long to import

        made.append(Kernel(module, name, namespace[name], name in parts))
        made[-1].install(integers, limit, kept, text)
    return Loaded(namespace[entry], str(path), tuple(made))
