"""Large blocks that kernels free stay with the process, up to a limit."""

from __future__ import annotations

import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="kernels need Numba")
blocks = pytest.importorskip("stagec_runtime.blocks")
pipeline = pytest.importorskip("stagec_runtime.pipeline")

from stagec_runtime.memory import LARGEST  # noqa: E402

RELEASE, DATA = 4, 5  # places in Numba's table of functions
SIZE = LARGEST * 3 // 2
glibc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs zeroed pages")


def of_numba(place: int, result: Any) -> Any:
    """The function of Numba's on an owner."""
    table = ctypes.CFUNCTYPE(ctypes.c_void_p)(blocks.HELPERS["get_api"])()
    address = ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[place]
    return ctypes.CFUNCTYPE(result, ctypes.c_void_p)(address)


release, data_of = of_numba(RELEASE, None), of_numba(DATA, ctypes.c_void_p)


class Source:
    """Blocks, of a limit of their own."""

    def __init__(self, limit: int) -> None:
        self.engine, address = blocks.compiled(limit)
        take = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32)(address)
        self.take = lambda size: take(size, 32)

    def mark(self, size: int, mark: int) -> int:
        """Take a block and write into it; its owner."""
        owner = self.take(size)
        assert data_of(owner) % blocks.ALIGN == 0
        ctypes.c_int64.from_address(data_of(owner)).value = mark
        ctypes.c_int64.from_address(data_of(owner) + size - 8).value = mark
        return owner

    def found(self, size: int) -> int:
        """What is in the block that is taken and freed: nothing if the system gave it."""
        owner = self.take(size)
        mark = ctypes.c_int64.from_address(data_of(owner)).value
        release(owner)
        return mark


@glibc
def test_what_is_freed_is_taken_again():
    source = Source(2 * SIZE)
    release(source.mark(SIZE, 7))
    assert source.found(SIZE) == 7
    assert source.found(SIZE - SIZE // 16) == 7
    # neither one that is too small nor one that is much too large
    assert source.found(SIZE + 1) == 0
    assert source.found(SIZE * 3 // 4) == 0


@glibc
def test_no_more_than_the_limit_is_kept():
    source = Source(SIZE * 5 // 2)
    owners = [source.mark(SIZE, mark) for mark in (1, 2, 3)]
    assert len({data_of(owner) for owner in owners}) == 3
    for owner in owners:
        release(owner)
    found = [source.take(SIZE) for _ in range(3)]
    marks = [ctypes.c_int64.from_address(data_of(owner)).value for owner in found]
    assert sorted(marks) == [0, 2, 3]  # the oldest had to go
    for owner in found:
        release(owner)
    none = Source(0)
    release(none.mark(SIZE, 7))
    assert none.found(SIZE) == 0


@glibc
def test_more_blocks_than_slots():
    source = Source(4 * blocks.SLOTS * SIZE)
    owners = [source.mark(SIZE, mark + 1) for mark in range(blocks.SLOTS + 3)]
    for owner in owners:
        release(owner)
    found = [source.take(SIZE) for _ in owners]
    marks = [ctypes.c_int64.from_address(data_of(owner)).value for owner in found]
    assert sorted(marks) == [0, 0, 0, *range(4, blocks.SLOTS + 4)]
    for owner in found:
        release(owner)


def test_too_large_a_block():
    assert Source(SIZE).take(1 << 62) is None

    def made(n: int) -> Any:
        return np.empty(n)

    compiled = numba.njit(made, pipeline_class=pipeline.Compiler)
    with pytest.raises(MemoryError):
        compiled(1 << 59)
    assert len(compiled(SIZE // 8)) == SIZE // 8


def test_threads():
    """No block is anybody else's."""
    source = Source(3 * SIZE)

    def work(mark: int) -> bool:
        good = True
        for k in range(100):
            size = SIZE + (k % 3) * (8 << 20)
            owner = source.mark(size, mark)
            data = data_of(owner)
            good &= ctypes.c_int64.from_address(data).value == mark
            good &= ctypes.c_int64.from_address(data + size - 8).value == mark
            release(owner)
        return good

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(1, 5)))
