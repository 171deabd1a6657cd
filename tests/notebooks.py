"""Run the notebooks and store what they show: ``python tests/notebooks.py --write [01 07 ...]``.

What is stored is the same on every machine and on every day: no widget's state and no model's id, no time stamps. In the place
of a player stands its still picture, which any viewer of notebooks shows.
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import nbclient
import nbformat

FOLDER = Path(__file__).parents[1] / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"
STILL = re.compile(r"gradviz-still-[0-9a-f]{32}")
LOST = re.compile(r"<style><!--.*?--></style>\n", re.DOTALL)
"""What an output says to JupyterLab about a player that it has lost; here there is none."""
IMAGE = re.compile(r'src="data:image/svg\+xml;base64,([^"]+)"')


def skip_without_pytorch(path):
    """Skip the notebook that is about PyTorch itself where that is not installed."""
    if path.stem == "16_your_own_pytorch" and find_spec("torch") is None:
        import pytest

        pytest.skip("notebook 16 is about PyTorch itself, which is not installed here")


def run(notebook):
    """Run a notebook from top to bottom."""
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute(cwd=str(FOLDER))
    return notebook


def settled(notebook):
    """Return a notebook without what differs from run to run."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in map(_settled_output, joined(cell.outputs)) if output is not None]
    return notebook


def joined(outputs):
    """Join what was printed in one go: a kernel sends it in as many pieces as its clock says."""
    found = []
    for output in outputs:
        if output.output_type == "stream" and found and found[-1].get("name") == output.name:
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def _settled_output(output):
    data = output.get("data")
    if data is None:
        return output
    data.pop(WIDGET, None)
    output.metadata = {}
    if "text/html" in data:
        data["text/html"] = LOST.sub("", STILL.sub("gradviz-still", data["text/html"]))
        picture = IMAGE.search(data["text/html"])
        if picture and "image/svg+xml" not in data:
            data["image/svg+xml"] = base64.b64decode(picture[1]).decode()
    return output if data.keys() - {"text/plain"} or output.output_type == "execute_result" else None


def main(arguments):
    parser = argparse.ArgumentParser(description="Run the notebooks.")
    parser.add_argument("--write", action="store_true", help="store what they show")
    parser.add_argument("names", nargs="*", help="the first signs of their names; by default all")
    given = parser.parse_args(arguments)
    for path in sorted(FOLDER.glob("*.ipynb")):
        if given.names and not path.name.startswith(tuple(given.names)):
            continue
        notebook = settled(run(nbformat.read(path, as_version=4)))
        if given.write:
            nbformat.write(notebook, path)
        print(path.name, f"{len(nbformat.writes(notebook)) / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
