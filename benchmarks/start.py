"""How long it takes to start: to import gradviz, and to see the first picture.

Run with ``python -m benchmarks.start``. Each figure is the median of several fresh processes, beside the import of NumPy
alone in the same run; what is to be judged is the ratio of processor time, since machines differ and are busy. Writes
``benchmarks/start.json``.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

RUNS = 15
OUT = Path(__file__).with_suffix(".json")

SETUP = "import gradviz as gv\nw=gv.tensor(2.,requires_grad=True);x=gv.tensor(5.);b=gv.tensor(3.,requires_grad=True)\ny=w*x+b\n"

PROGRAMS = {
    "import numpy": "import numpy",
    "import gradviz": "import gradviz",
    "first picture": SETUP + "gv.draw(y).to_svg()",
    "first page": SETUP + "from gradviz.player import page\npage(gv.draw(y))",
    "first widget": SETUP + "gv.backprop(y)",
}


def seconds(program: str) -> float:
    """Time a program inside a fresh interpreter, so that starting Python itself does not count; with programs that it calls."""
    timed = (
        f"import os, time\nstart = time.process_time()\n{program}\n"
        "print(time.process_time() - start + sum(os.times()[2:4]))"
    )
    done = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Print a table, and the same as JSON."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(RUNS):  # interleaved, so that a slow moment of the machine hits all alike
        for name, program in PROGRAMS.items():
            times[name].append(seconds(program))
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, median in medians.items():
        print(f"{name:16} {median * 1e3:8.1f} ms   {median / medians['import numpy']:6.2f} × import numpy")
    ratios = {name: round(median / medians["import numpy"], 3) for name, median in medians.items()}
    found = {"load": os.getloadavg()[0], "seconds": medians, "ratio to import numpy": ratios}
    OUT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
