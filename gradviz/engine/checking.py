"""Whether a row of the table is one: its formulas belong to its arguments, and read nothing that it has not."""

from __future__ import annotations

from gradviz.engine.core.operation import Operation, parameters


def check(operation: Operation) -> None:
    """Refuse a row that is none.

    Raises
    ------
    ValueError
        Which says what its formulas may read.
    """
    unknown = set(operation.derivatives) - set(operation.inputs)
    if unknown:
        raise ValueError(f"{operation.name} has no argument {sorted(unknown)} to differentiate")
    for name, formula in operation.derivatives.items():
        strange = [each for each in parameters(formula)[1:] if each.removesuffix("_sym_sizes") not in operation.fields]
        if strange:
            raise ValueError(
                f"the derivative of {operation.name} for {name} reads {', '.join(strange)}: after grad, its parameters may be "
                f"called {', '.join(operation.fields)}"
            )
