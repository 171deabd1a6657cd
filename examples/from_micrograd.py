"""micrograd's `Value`, drawn and stepped through: ``gv.backprop(recorded(loss, globals()))``."""

from graphlib import TopologicalSorter
from inspect import getclosurevars

from gradviz.recording import Builder

ROWS = {"+": "add", "*": "mul", "ReLU": "relu", "tanh": "tanh", "exp": "exp"}  # all else is a power


def recorded(output, variables):
    """Return the recording of a `Value`. Those that variables hold are called so; other leaves are numbers of the program."""
    names = {id(value): name for name, value in variables.items() if isinstance(value, type(output))}
    inputs, powers, waiting = {}, {}, [output]
    while waiting:
        value = waiting.pop()
        # `_prev` is a set, in which x * x has one parent, and a - b no order. The step that goes back knows which is which.
        known = getclosurevars(value._backward).nonlocals
        inputs[value] = [known[slot] for slot in ("self", "other") if isinstance(known.get(slot), type(output))]
        powers[value] = {"exponent": known["other"]} if value._op.startswith("**") else {}
        waiting += [one for one in inputs[value] if one not in inputs]
    order = list(TopologicalSorter(inputs).static_order())

    builder, made = Builder(producer="micrograd"), {}
    for value in order:
        name, number, arguments = names.get(id(value), ""), float(value.data), [made[one] for one in inputs[value]]
        if arguments:
            row = ROWS.get(value._op, "pow")
            made[value] = builder.operation(row, arguments, number, name, settings=powers[value])
        else:
            made[value] = builder.leaf(number, name, requires_grad=bool(name))

    builder.seed(made[output])
    before = [value.grad for value in order]
    for value in reversed(order):
        if inputs[value] and made[value].requires_grad:
            value.grad = builder.gradient_of(made[value])
            for one in inputs[value]:
                one.grad = 0.0
            value._backward()  # adds to both: of x * x, half of it came along each edge
            wanted = [one for one in inputs[value] if made[one].requires_grad]
            builder.send(made[value], [one.grad / inputs[value].count(one) for one in wanted])
    for value, grad in zip(order, before, strict=True):
        value.grad = grad
    return builder.recording()
