"""Loading generated modules from files, so that tracebacks and debuggers see them."""

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

_FOLDER: list[Path] = []


def folder() -> Path:
    """The process's private folder of generated modules, made on first use."""
    if not _FOLDER:
        path = Path(tempfile.mkdtemp(prefix="stagec-"))
        atexit.register(shutil.rmtree, path, ignore_errors=True)
        _FOLDER.append(path)
    return _FOLDER[0]


def load(
    text: str,
    entry: str,
    objects: dict[str, Any],
    kernels: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
    limit: int = 0,
) -> tuple[Any, str]:
    """The function `entry` of the module with source `text`, and the file it was written to.

    `objects` are further globals of the module; `kernels` its compiled functions, with the
    positions of their integer arguments, which must be below `limit` for compiled code.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = folder() / f"{entry}_{digest}.py"
    path.write_text(text)
    namespace: dict[str, Any] = {"__name__": f"stagec.generated.{entry}", **objects}
    exec(compile(text, str(path), "exec"), namespace)
    for name, integers in kernels.items():
        from stagec_runtime.kernels import Kernel  # Numba takes long to import

        namespace[name] = Kernel(namespace[name], integers, limit)
    return namespace[entry], str(path)
