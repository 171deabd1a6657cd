"""A function of JAX's, drawn and stepped through: ``gv.backprop(recorded(loss, params, x, y))``."""

import inspect
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal
from jax.tree_util import keystr

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
            return (one.val, one.val.item()) if isinstance(one, Literal) else known[one]

        for equation in closed.jaxpr.eqns:
            name, inputs = equation.primitive.name, [pair(one) for one in equation.invars]
            if name == "jit":  # a function that is compiled as one: a module
                with builder.module(equation.params["name"], "jit"):
                    results = run(equation.params["jaxpr"], inputs)
            elif name == "stop_gradient":  # what is made of it was given, as far as gradients know
                results = [(inputs[0][0], builder.leaf(inputs[0][0], "stop_gradient(…)"))]
            else:
                results = step(name, equation, *zip(*inputs)) if inputs else step(name, equation, (), ())
            known.update(zip(equation.outvars, results))
        return [pair(one) for one in closed.jaxpr.outvars]

    def step(name, equation, numbers, tensors):
        """Run one equation, and keep what pulls a gradient back through it."""
        primitive, params = equation.primitive, equation.primitive.get_bind_params(equation.params)
        results, pull = jax.vjp(lambda *given: primitive.bind(*given, **params), *numbers)
        if name == "custom_jvp_call":  # a function with a derivative of its own, such as relu
            name = equation.params["call_jaxpr"].jaxpr.debug_info.func_name
        row, settings = row_of(name, equation)
        words = None if row else Words()
        made = builder.operation(row or name, tensors, several(results), settings=settings, words=words)
        pulls.append((results, pull, made, tensors))
        return list(zip(several(results), made))

    leaves, names = [], inspect.signature(function).parameters
    for place, (name, argument) in enumerate(zip(names, arguments)):
        wanted = place in (argnums if isinstance(argnums, tuple) else (argnums,))
        for path, leaf in jax.tree_util.tree_flatten_with_path(argument)[0]:
            leaves.append((leaf, builder.leaf(jnp.asarray(leaf), name + keystr(path), requires_grad=wanted)))
    ((_, output),) = run(jax.make_jaxpr(function)(*arguments), leaves)
    if function.__name__.isidentifier():
        builder.name(output, function.__name__)

    builder.seed(output)
    for results, pull, made, tensors in reversed(pulls):
        arrived = [builder.gradient_of(one) for one in made]
        if any(one is not None for one in arrived):
            full = [zero(one) if gradient is None else gradient for one, gradient in zip(several(results), arrived)]
            sent = pull(full if isinstance(results, list) else full[0])
            builder.send(made, [one if getattr(of, "requires_grad", False) else None for one, of in zip(sent, tensors)])
    return builder.recording()


def several(results):
    """Return the results of an equation, which of one may be that alone."""
    return tuple(results) if isinstance(results, list | tuple) else (results,)


def zero(result):
    """Return the gradient of a result that none has arrived at; of whole numbers JAX wants none."""
    return np.zeros(result.shape, result.dtype if jnp.issubdtype(result.dtype, jnp.floating) else jax.dtypes.float0)
