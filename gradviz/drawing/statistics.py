"""A tensor in one line."""

from __future__ import annotations

import math

from gradviz.recording import number_text
from gradviz.recording.model import Value


def statistics(value: Value) -> str:
    """Write a tensor's statistics on a line: mean ± standard deviation, smallest to largest, how many zeros.

    Where there are entries that are no numbers, they are all that is said.
    """
    if value.summary is not None:
        s = value.summary
        mean, sd, low, high, nans, infs = s.mean, s.sd, s.min, s.max, s.nans, s.infs
        zeros = s.zeros / math.prod(value.shape)
    else:
        assert value.data is not None
        finite = [number for number in value.data if math.isfinite(number)] or [0.0]
        mean = sum(finite) / len(finite)
        sd = math.sqrt(sum((number - mean) ** 2 for number in finite) / len(finite))
        low, high = min(finite), max(finite)
        zeros = sum(number == 0 for number in value.data) / len(value.data) if value.data else 0.0
        nans = sum(number != number for number in value.data)
        infs = len(value.data) - nans - sum(math.isfinite(number) for number in value.data)
    strange = " ".join(f"{count} {what}" for count, what in ((nans, "nan"), (infs, "inf")) if count)
    if strange:
        return f"⚠ {strange}"
    share = f", {zeros:.0%} zeros" if zeros >= 0.01 else ""
    return f"{_short(mean)} ± {_short(sd)}, {_short(low)} … {_short(high)}{share}"


def _short(number: float) -> str:
    return number_text(float(number), 2)
