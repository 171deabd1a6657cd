"""Where tensors are made: ``with device:`` and the default, nested and in several threads, as in PyTorch."""

from __future__ import annotations

import pytest
from beside import outcome

import gradviz as gv

BEFORE = """
import threading
r, D = [], torch.device
meta, cpu = D("meta"), D("cpu")
def told(): r.append(str(torch.get_default_device()))
def in_a_thread(function):
    thread = threading.Thread(target=function); thread.start(); thread.join()
"""
PROGRAMS = {
    "the same device twice": "with meta:\n with meta: told()\n told()\ntold()",
    "another between": "with meta:\n with cpu:\n  told()\n  with meta: told()\n  with cpu: told()\n  told()\n told()\ntold()",
    "the CPU inside of another": "with meta:\n with cpu: r.append(torch.ones(1).device)",
    "around a default": "torch.set_default_device('meta'); told()\nwith cpu: told()\ntold()",
    "after an error": "try:\n with meta: raise ValueError\nexcept ValueError: told()",
    "another thread's default": "torch.set_default_device('meta'); in_a_thread(told); told()",
    "another thread's block": "with meta: in_a_thread(told); told()",
    "a thread that leaves": "def inside():\n with meta: told()\nwith cpu: in_a_thread(inside); told()",
    "a thread that sets": "in_a_thread(lambda: (torch.set_default_device('meta'), told())); told()",
    "none": "torch.set_default_device('meta'); torch.set_default_device(None); told()",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_where_tensors_are_made(torch, name):
    found = []
    for library in (gv, torch):
        try:
            found.append(outcome(library, BEFORE + PROGRAMS[name]))
        finally:
            library.set_default_device(None)
    assert found[0] == found[1]
    assert "Error" not in found[0][0]
