"""The fast paths: copies of what `gradviz.engine.core` does, written for speed.

Each does the usual case only, and hands every other to what it is a copy of. They save the calls between small functions,
not arithmetic, so both give the same results, bit for bit; a test holds them to that. With ``GRADVIZ_FAST=0`` in the
environment none is used.
"""

import os

enabled = os.environ.get("GRADVIZ_FAST", "1") != "0"
"""Whether the fast paths are used: read once, when gradviz is imported."""
