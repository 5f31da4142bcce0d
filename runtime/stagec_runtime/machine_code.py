"""Machine code of kernels, kept between processes; needs Numba.

Numba serialises what it compiled, by pickle.  An entry is unpickled only after its signature
was found good: it is then what a process of this user wrote into the private directory.
"""

from __future__ import annotations

import functools
import hashlib
import json
import pickle
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy as np
from numba.core import config, serialize
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.runtime.nrt import rtsys

from stagec_runtime.store import Store

SIMPLE = (bool, int, float, str, type(None))


class MachineCode(_Cache):
    """What a dispatcher asks before it compiles, and tells what it compiled.

    Attributes
    ----------
    found, stored : how many signatures were read from the store, and written to it.
    """

    def __init__(self, store: Store, text: str, name: str, apart: bool = False) -> None:
        self.store = store
        module = hashlib.sha256(text.encode()).hexdigest()
        self.source = {"module": module, "kernel": name, "apart": apart}
        self.found = 0
        self.stored = 0

    @property
    def cache_path(self) -> str | None:  # type: ignore[override]
        """The directory."""
        return None if self.store.root is None else str(self.store.root)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function for the signature; None if there is none."""
        data = self.store.get(self._entry(sig, target_context.codegen()))
        if data is None:
            return None
        try:
            parts = pickle.loads(data)
            ready(target_context, *parts[0])
            found = CompileResult._rebuild(target_context, *parts)
        except Exception:  # whatever it is, it can be compiled again
            return None
        self.found += 1
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store the compiled function, unless it holds addresses of this process."""
        if data.library.has_dynamic_globals or not all(x.can_cache for x in data.lifted):
            return
        try:
            content = serialize.dumps(data._reduce())
        except Exception:  # it cannot be kept, which costs time only
            return
        self.store.put(self._entry(sig, data.codegen), content)
        self.stored += 1

    def enable(self) -> None:
        """It is always enabled."""

    def disable(self) -> None:
        """It is always enabled."""

    def flush(self) -> None:
        """Entries are never stale: what they depend on is in their names."""

    def _entry(self, sig: Any, codegen: Any) -> str:
        """The name of the entry: everything that the machine code depends on."""
        parts = {**self.source, **surroundings(), "signature": str(sig)}
        parts["machine"] = [str(part) for part in codegen.magic_tuple()]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def ready(context: Any, name: str, kind: str, content: Any) -> None:
    """Let there be all that the serialised machine code refers to.

    Numba reads all that it can compile before it runs what is compiled, which takes longer than
    everything else; machine code refers to a few functions of Numba's that manage memory.
    """
    rtsys.initialize(context)
    if kind != "object" or not all(map(llvm.address_of_symbol, _outside(content[1]))):
        context.refresh()


def _outside(bitcode: bytes) -> Iterator[str]:
    """The functions and variables that a module refers to."""
    module = llvm.parse_bitcode(bitcode)
    for part in (*module.functions, *module.global_variables):
        if part.is_declaration and not part.name.startswith("llvm."):
            yield part.name


@functools.lru_cache(maxsize=1)
def surroundings() -> dict[str, Any]:
    """The versions and settings that machine code depends on, and the helpers inside it."""
    settings = {
        name: value
        for name in dir(config)
        # the number of threads is asked for at run time
        if name.isupper() and not name.endswith("THREADS")
        if isinstance(value := getattr(config, name), SIMPLE)
    }
    return {
        "layout": 1,
        "python": [platform.python_implementation(), sys.version],
        "versions": [numba.__version__, llvmlite.__version__, np.__version__],
        "settings": settings,
        "helpers": helpers(Path(__file__).parent),
    }


def helpers(folder: Path) -> str:
    """A digest of all sources in the folder: Numba puts their functions into its callers."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
