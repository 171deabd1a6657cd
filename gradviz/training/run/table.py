"""A run as plain arrays, and as a table: for whoever goes on with its numbers elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.training.run.history import History

if TYPE_CHECKING:
    from gradviz.training.run.run import Run


def columns_of(run: Run) -> dict[str, Any]:
    """Return the run as plain arrays, as `Run.to_dict` tells."""
    columns: dict[str, Any] = {"loss": run.losses, "epoch": run.epoch_of, "step": run.kept}
    for number, parameter in enumerate(run.log.parameters):
        name = f"{parameter.name} (parameter)" if parameter.name in columns else parameter.name
        path = History(run, number)
        rows = np.searchsorted(columns["step"], path.steps)

        def spread(found: Any, rows: Any = rows) -> Any:
            if len(rows) == len(columns["step"]):
                return found
            made = np.full((len(columns["step"]), *found.shape[1:]), np.nan, np.result_type(found, np.float16))
            made[rows] = found
            return made

        if path.full and len(rows):
            columns[name] = spread(path.values[:-1])
            columns[f"{name}.grad"] = spread(path.gradients)
        columns[f"{name}.grad_norm"] = spread(path.gradient_norms)
        columns[f"{name}.update_norm"] = spread(path.update_norms)
    return columns


def pandas_for_tables() -> Any:
    """Return pandas, or say that it is not installed."""
    try:
        import pandas  # type: ignore[import-untyped,unused-ignore]
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "to_pandas() needs pandas, which is not installed: pip install pandas. to_dict() gives plain arrays."
        ) from None
    return pandas


def table_of(run: Run) -> Any:
    """Return a `pandas.DataFrame`, as `Run.to_pandas` tells."""
    pandas = pandas_for_tables()
    columns = columns_of(run)
    kept = columns.pop("step")
    table: dict[str, Any] = {"epoch": columns.pop("epoch")[kept], "loss": columns.pop("loss")[kept]}
    for name, column in columns.items():
        if column.ndim == 1:
            table[name] = column
            continue
        for entry in np.ndindex(column.shape[1:]):
            table[f"{name}[{', '.join(map(str, entry))}]"] = column[(slice(None), *entry)]
    return pandas.DataFrame(table, index=pandas.Index(kept, name="step"))
