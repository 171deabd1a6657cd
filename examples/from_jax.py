"""A function of JAX's, drawn and stepped through: ``gv.backprop(recorded(loss, params, x, y))``."""

import inspect
import math

import jax
import jax.numpy as jnp
from jax.extend import core

from gradviz.recording import Builder, Words

ROWS = {
    "add": "add", "sub": "sub", "mul": "mul", "div": "div", "neg": "neg", "max": "maximum", "min": "minimum", "exp": "exp",
    "log": "log", "tanh": "tanh", "sin": "sin", "cos": "cos", "sqrt": "sqrt", "rsqrt": "rsqrt", "abs": "abs",
    "logistic": "sigmoid", "relu": "relu",
}  # fmt: skip
"""What the table of operations calls JAX's primitives. What it does not have keeps its name, and a formula of its own."""


def row_of(name, equation):
    """Return what the table calls an equation's operation, and its settings there."""
    of, shapes = equation.params, [one.aval.shape for one in (*equation.invars, *equation.outvars)]
    match name:
        case "reduce_sum":
            return "sum", {"dim": of["axes"]} if shapes[-1] else {}
        case "reduce_max":
            return "amax", {"dim": of["axes"]}
        case "integer_pow":
            return "pow", {"exponent": of["y"]}
        case "dot_general" if of["dimension_numbers"] == (((1,), (0,)), ((), ())) and len(shapes[0] + shapes[1]) == 4:
            return "mm", {}
        case "transpose" if of["permutation"] == (1, 0):
            return "t", {}
        case "reshape" | "squeeze" | "broadcast_in_dim" if math.prod(shapes[0]) == math.prod(shapes[-1]):
            return "view", {"size": shapes[-1]}
        case "broadcast_in_dim" if of["broadcast_dimensions"] == tuple(range(len(shapes[-1])))[-len(shapes[0]) :]:
            return "expand", {"size": shapes[-1]}
    return ROWS.get(name), {}


def recorded(function, *arguments, argnums=0):
    """Return the recording of a function of JAX's and of its derivative with respect to some arguments, as `jax.grad` has it."""
    builder, pulls = Builder(producer=f"jax {jax.__version__}"), []

    def run(closed, given):
        """Go through the equations of a function, with numbers and what stands for them in the recording."""
        known = {var: (const, builder.leaf(const)) for var, const in zip(closed.jaxpr.constvars, closed.consts)}
        known |= dict(zip(closed.jaxpr.invars, given))

        def pair(one):
            return (one.val, float(one.val)) if isinstance(one, core.Literal) else known[one]

        for equation in closed.jaxpr.eqns:
            inputs = [pair(one) for one in equation.invars]
            if equation.primitive.name in ("jit", "pjit"):  # a function that is compiled as one: a module
                with builder.module(equation.params["name"], "jit"):
                    results = run(equation.params["jaxpr"], inputs)
            elif equation.primitive.name == "stop_gradient":  # what comes after it is given, as far as gradients know
                results = [(inputs[0][0], builder.leaf(inputs[0][0], "stop_gradient(…)"))]
            else:
                results = step(equation, inputs)
            known.update(zip(equation.outvars, results))
        return [pair(one) for one in closed.jaxpr.outvars]

    def step(equation, inputs):
        """Run one equation, and keep what pulls a gradient back through it."""
        free = [place for place, one in enumerate(equation.invars) if not isinstance(one, core.Literal)]
        alone = core.Jaxpr([], [equation.invars[place] for place in free], equation.outvars, [equation])
        numbers, pull = jax.vjp(lambda *given: jax.core.eval_jaxpr(alone, [], *given), *[inputs[p][0] for p in free])
        name = equation.primitive.name
        if name.startswith("custom_jvp"):
            name = equation.params["call_jaxpr"].jaxpr.debug_info.func_name
        row, settings = row_of(name, equation)
        made = builder.operation(
            row or name, [one for _, one in inputs], tuple(numbers), settings=settings, words=None if row else Words()
        )
        pulls.append((free, numbers, pull, made, [one for _, one in inputs]))
        return list(zip(numbers, made))

    names, leaves = list(inspect.signature(function).parameters), []
    for place, argument in enumerate(arguments):
        wanted = place in (argnums if isinstance(argnums, tuple) else (argnums,))
        for path, leaf in jax.tree_util.tree_flatten_with_path(argument)[0]:
            name = names[place] + jax.tree_util.keystr(path)
            leaves.append((leaf, builder.leaf(leaf, name, requires_grad=wanted)))
    ((_, output),) = run(jax.make_jaxpr(function)(*arguments), leaves)

    if function.__name__.isidentifier():
        builder.name(output, function.__name__)
    builder.seed(output)
    for free, numbers, pull, made, inputs in reversed(pulls):
        arrived = [builder.gradient_of(one) for one in made]
        if any(one is not None for one in arrived):
            sent = pull([jnp.zeros_like(n) if g is None else jnp.asarray(g) for n, g in zip(numbers, arrived)])
            moves = {place: g for place, g in zip(free, sent) if getattr(inputs[place], "requires_grad", False)}
            builder.send(made, [moves.get(place) for place in range(len(inputs))])
    return builder.recording()
