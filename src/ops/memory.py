"""Memory that is freed and needed again at once.

The C library of Linux gives what is free at the end of its heap back to the system, and asks for it
anew a moment later. Each page then costs an interruption and is filled with zeros: with batches of
a megabyte that come and go, a tenth of the time of a server. It holds some 20 MB more instead.
"""

import ctypes
import sys
from typing import Final

# The names of these in malloc.h; https://man7.org/linux/man-pages/man3/mallopt.3.html
_M_TRIM_THRESHOLD: Final = -1
_M_TOP_PAD: Final = -2
_M_MMAP_THRESHOLD: Final = -3
# So much stays free at the end of the heap, at most. Threads have heaps of their own, of 64 MB.
KEPT_BYTES_MAX: Final = 128 * 1024 * 1024
_GROWTH_BYTES: Final = 8 * 1024 * 1024
# The most that is allowed, and what the library comes to by itself once such blocks were freed.
# What is larger is got from the system by itself, and goes back to it.
_SINGLE_BYTES: Final = 32 * 1024 * 1024


def keep_freed_memory() -> bool:
    """Let the heap keep up to `KEPT_BYTES_MAX` that are free; whether all of that could be said.

    Elsewhere than on Linux with the GNU library nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    wishes = (
        (_M_MMAP_THRESHOLD, _SINGLE_BYTES),
        (_M_TRIM_THRESHOLD, KEPT_BYTES_MAX),
        (_M_TOP_PAD, _GROWTH_BYTES),
    )
    answers = [mallopt(name, value) for name, value in wishes]
    return all(answers)
