"""What registering a hook returns takes away that registration and no other, wherever hooks are registered."""

from __future__ import annotations

import copy

import pytest
from beside import outcome

import gradviz as gv

REGISTERED = {  # what registers `f`, and what calls it
    "of a leaf": ("x.register_hook", "loss().backward()"),
    "of a result": ("y.register_hook", "loss().backward()"),
    "after accumulation": ("x.register_post_accumulate_grad_hook", "loss().backward()"),
    "of a node": ("y.grad_fn.register_hook", "loss().backward()"),
    "before a node": ("y.grad_fn.register_prehook", "loss().backward()"),
    "before a module": ("m.register_forward_pre_hook", "m(x)"),
    "after a module": ("m.register_forward_hook", "m(x)"),
    "before a module, backward": ("m.register_full_backward_pre_hook", "m(x).sum().backward()"),
    "after a module, backward": ("m.register_full_backward_hook", "m(x).sum().backward()"),
    "before a step": ("o.register_step_pre_hook", "o.step()"),
    "after a step": ("o.register_step_post_hook", "o.step()"),
    "before state_dict": ("o.register_state_dict_pre_hook", "o.state_dict()"),
    "after state_dict": ("o.register_state_dict_post_hook", "o.state_dict()"),
    "before load_state_dict": ("o.register_load_state_dict_pre_hook", "o.load_state_dict(o.state_dict())"),
    "after load_state_dict": ("o.register_load_state_dict_post_hook", "o.load_state_dict(o.state_dict())"),
}
PROGRAM = """
x = torch.ones(2, requires_grad=True); y = x * 2; m = nn.Linear(2, 2); o = torch.optim.SGD(m.parameters(), lr=0.1)
def loss(): return y.sum()
calls = []
def f(*given): calls.append("f")
def g(*given): calls.append("g")
register = {}
{}
{}
r = calls
"""
LINES = {
    "one of two": "h = register(f); register(f); h.remove()",
    "the later of two": "register(f); h = register(f); register(g); h.remove()",
    "twice": "h = register(f); register(f); register(g); h.remove(); h.remove()",
    "both": "a, b = register(f), register(f); register(g); b.remove(); a.remove()",
    "one after the other's end": "h = register(f); h.remove(); register(f); h.remove()",
    "a with block": "with register(f) as h: register(f)\nregister(g)",
    "numbers": "a, b = register(f), register(f); calls.append(b.id - a.id)",
}


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("where", REGISTERED)
def test_a_handle_removes_its_own_registration(torch, where, lines):
    register, run = REGISTERED[where]
    program = PROGRAM.format(register, LINES[lines], run)
    assert outcome(gv, program) == outcome(torch, program)
    assert "f" in outcome(gv, program)[0] or lines == "both" or "after the other" in lines


@pytest.mark.parametrize("where", [name for name in REGISTERED if "state_dict" in name])
def test_in_front_of_the_others(torch, where):
    register, run = REGISTERED[where]
    program = PROGRAM.format(
        register, "register(f); h = register(g, prepend=True); register(f, prepend=True); h.remove()", run
    )
    assert outcome(gv, program) == outcome(torch, program)


def test_a_hook_that_takes_itself_away():
    calls = []
    x = gv.ones(2, requires_grad=True)

    def once(gradient):
        calls.append(1)
        handle.remove()

    handle = x.register_hook(once)
    x.register_hook(lambda gradient: calls.append(2))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert calls == [1, 2, 2]


def test_a_copy_of_a_module_has_hooks_of_its_own():
    module, calls = gv.nn.Linear(2, 2), []
    handle = module.register_forward_hook(lambda *given: calls.append(1))
    twin = copy.deepcopy(module)
    handle.remove()
    module(gv.ones(2))
    assert calls == []
    twin(gv.ones(2))
    assert calls == [1]
