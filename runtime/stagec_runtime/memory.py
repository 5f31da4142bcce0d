"""Memory that compiled code frees stays with the process, up to a limit.

What a backward pass records is written once and freed at the end of the call.  The C library
would hand it back to the system, which clears each page again at its next first use: that costs
ten times what the loops do that write to it.

The environment variable STAGEC_KEEP_MEMORY is the limit in megabytes; 0 leaves the C library as
it is.  So do settings of the user's own (MALLOC_TRIM_THRESHOLD_ and the like), and other C
libraries than glibc.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

KEPT = 256  # megabytes that are freed and kept
LARGEST = 32 << 20  # glibc does not take larger blocks from what it keeps: see `blocks`
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_")


def wanted() -> int:
    """How many bytes of freed memory the process shall keep; 0: the C library decides."""
    if any(name in os.environ for name in OWN):
        return 0
    if "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return 0
    text = os.environ.get("STAGEC_KEEP_MEMORY", "")
    return (int(text) if text.isdecimal() else KEPT) << 20


@cache
def keep_freed() -> bool:
    """Have the C library keep what is freed; whether it does so because of this."""
    size = wanted()
    try:
        version = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):  # not known on this system
        return False
    if not size or version is None or not version.startswith("glibc"):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    size = min(size, 2**31 - 1)  # it takes an int
    largest = mallopt(M_MMAP_THRESHOLD, min(LARGEST, size))
    return bool(largest and mallopt(M_TRIM_THRESHOLD, size))
