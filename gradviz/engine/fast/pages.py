"""Memory that stays with the process from one training step to the next.

At the end of a step its whole graph is freed. The C library of Linux then gives the memory back to the system, and the next step
gets it anew, a page of 4 kB at a time: for an LSTM of 20 steps that was a third of the time. How much it keeps follows from the
largest array that was freed so far, up to 32 MiB: so one of that size is made and freed here. Nobody writes to it, and the system
has nothing to hand out for it.

See `mallopt(3)`, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD, and what it says there of their dynamic adjustment.
"""

import sys

import numpy as np

LARGEST = (32 << 20) - (64 << 10)
"""How many bytes: a little less than what the C library counts as large at most."""


def keep() -> None:
    """Let what a step frees be there for the next."""
    if sys.platform == "linux":
        np.empty(LARGEST, np.uint8)
