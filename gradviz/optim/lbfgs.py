"""L-BFGS: learn the curvature from the gradients met on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.modes import enable_grad
from gradviz.engine.tensor import Tensor, wrap
from gradviz.optim.arithmetic import Array, multiply_add, number
from gradviz.optim.line_search import Trial, strong_wolfe
from gradviz.optim.optimizer import Optimizer
from gradviz.optim.rule import Sheet
from gradviz.optim.settings import checked


class LBFGS(Optimizer):
    """A quasi-Newton method for small problems without noise: far fewer steps than gradient descent, each with a closure.

    All parameters count as one long vector. Every step makes up to `max_iter` moves; each compares the latest gradients
    to learn how the loss curves, and goes where a parabola of that curvature would have its minimum.

    Parameters
    ----------
    params
        Tensors; only one group.
    lr
        The length of a move, 1 for the parabola's minimum; with a line search, the first length tried.
    max_iter
        The most moves in a step.
    max_eval
        The most times the closure is called in a step; ``max_iter · 5 / 4`` if not given.
    tolerance_grad
        Stop when no entry of the gradient is larger.
    tolerance_change
        Stop when neither the loss nor a parameter changes by more.
    history_size
        How many moves are remembered.
    line_search_fn
        ``"strong_wolfe"``, or ``None`` for moves of length `lr`.

    References
    ----------
    Nocedal and Wright, "Numerical optimization" (2006), algorithm 7.4.

    Examples
    --------
    >>> import gradviz as torch
    >>> w = torch.tensor([3.0, -2.0], requires_grad=True)
    >>> optimizer = torch.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (w**2).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)
    tensor(13., grad_fn=<SumBackward0>)
    >>> closure().item() < 1e-12
    True
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        max_eval = max_iter * 5 // 4 if max_eval is None else max_eval
        super().__init__(params, checked(locals()))
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Make up to `max_iter` moves.

        Parameters
        ----------
        closure
            Computes the loss and its gradients anew, and returns the loss. It is called several times.

        Returns
        -------
        Any
            The loss before the first move, as the closure returned it.
        """
        with enable_grad(), np.errstate(all="ignore"):
            return self._step(closure)

    def _step(self, closure: Callable[[], Any]) -> Any:
        group = self.param_groups[0]
        lr, search = number(group["lr"]), group["line_search_fn"]
        memory = self.state[group["params"][0]]  # there is one for all; where the first parameter's would be
        memory.setdefault("func_evals", 0)
        memory.setdefault("n_iter", 0)

        start_of_step = self._flat_values()
        self._last_move = None
        first_loss = closure()
        loss, gradient = float(first_loss), self._flat_gradient()
        memory["func_evals"] += 1
        evaluations = 1
        if np.abs(gradient).max() <= group["tolerance_grad"]:
            return first_loss

        direction, length = _arrays(memory.get("d")), _arrays(memory.get("t"))
        history = _History(
            _arrays(memory.get("old_dirs", [])),
            _arrays(memory.get("old_stps", [])),
            _arrays(memory.get("ro", [])),
            _arrays(memory.get("H_diag", 1)),
        )
        previous_gradient, previous_loss = _arrays(memory.get("prev_flat_grad")), memory.get("prev_loss")

        for move in range(1, group["max_iter"] + 1):
            memory["n_iter"] += 1
            if memory["n_iter"] == 1:
                direction = -gradient
                length = min(1.0, 1.0 / np.abs(gradient).sum()) * lr
            else:
                history.add(gradient - previous_gradient, direction * length, group["history_size"])
                direction = history.newton_direction(gradient)
                length = lr
            previous_gradient, previous_loss = gradient, loss

            slope = gradient.dot(direction)
            if slope > -group["tolerance_change"]:
                break
            made = 0
            before = self._flat_values()
            if search is not None:
                if search != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                evaluate = self._along(direction, closure)
                start = Trial(0, loss, gradient, slope)
                most = group["max_eval"] - evaluations
                found, made = strong_wolfe(evaluate, start, length, np.abs(direction).max(), most)
                length, loss, gradient, _ = found
                self._go(length, direction)
            else:
                self._go(length, direction)
                if move != group["max_iter"]:  # the next step starts with a call of the closure anyway
                    loss, gradient = float(closure()), self._flat_gradient()
                    made = 1
            self._last_move = before - start_of_step, direction, length
            evaluations += made
            memory["func_evals"] += made
            if (
                evaluations >= group["max_eval"]
                or np.abs(gradient).max() <= group["tolerance_grad"]
                or np.abs(direction * length).max() <= group["tolerance_change"]
                or abs(loss - previous_loss) < group["tolerance_change"]
            ):
                break

        memory["d"], memory["t"] = _tensors(direction), _tensors(length)
        memory["old_dirs"], memory["old_stps"] = _tensors(history.changes), _tensors(history.moves)
        memory["ro"], memory["H_diag"] = _tensors(history.inverses), _tensors(history.scale)
        memory["prev_flat_grad"], memory["prev_loss"] = _tensors(previous_gradient), previous_loss
        return first_loss

    # --- the rule, to be read ---------------------------------------------------------------------------------------

    _last_move: tuple[Array, Array, Any] | None = None
    """How far all moves before it went, its direction, and its length."""

    @staticmethod
    def _rule(sheet: Sheet) -> None:
        sentence = "Δ: what the other moves of this step came to, before the last."
        start = sheet.line("start", sheet.w + sheet.told("Δ", "earlier"), sentence)
        sentence = (
            "The last move. d: minus the gradient, times what is known of the inverse of the curvature. "
            "t: how far along d; lr, or what the line search has chosen."
        )
        sheet.line("w", start + sheet.told("t", "t") * sheet.told("d", "d"), sentence)

    def _told(self, parameter: Tensor) -> dict[str, Any]:
        """Return what is remembered, with the parameter's part of what is one vector for all, and the last move."""
        memory = dict(self.state.get(self.param_groups[0]["params"][0], {}))
        size = sum(other.numel() for other in self._parameters())
        earlier, memory["d"], memory["t"] = self._last_move or (np.zeros(size), np.zeros(size), 0.0)
        place = 0
        for other in self._parameters():
            if other is parameter:
                break
            place += other.numel()
        for name, vector in (
            ("earlier", earlier),
            ("d", memory["d"]),
            ("prev_flat_grad", memory.get("prev_flat_grad")),
        ):
            if vector is not None:
                part = np.asarray(_arrays(vector))[place : place + parameter.numel()]
                memory[name] = wrap(part.reshape(parameter.array.shape))
        memory["t"] = _tensors(memory["t"])
        return memory

    # --- all parameters as one vector -----------------------------------------------------------------------------

    def _flat_gradient(self) -> Array:
        """Return all gradients in one array, in the order of the parameters."""
        return np.concatenate(
            [np.ravel(np.zeros_like(p.array) if p._grad is None else p._grad.array) for p in self._parameters()]
        )

    def _flat_values(self) -> Array:
        """Return all parameters in one array."""
        return np.concatenate([np.ravel(parameter.array) for parameter in self._parameters()])

    def _go(self, length: Any, direction: Array) -> None:
        """Move all parameters along a direction."""
        place = 0
        for parameter in self._parameters():
            end = place + parameter.numel()
            part = direction[place:end].reshape(parameter.array.shape)
            inplace.write(parameter, multiply_add(part, length, parameter.array))
            place = end

    def _along(self, direction: Array, closure: Callable[[], Any]) -> Callable[[Any], Trial]:
        """Return a function that tries a length, and goes back."""
        places = [np.array(parameter.array) for parameter in self._parameters()]

        def evaluate(length: Any) -> Trial:
            self._go(length, direction)
            loss, gradient = float(closure()), self._flat_gradient()
            for parameter, place in zip(self._parameters(), places, strict=True):
                inplace.write(parameter, place)
            return Trial(length, loss, gradient, gradient.dot(direction))

        return evaluate


class _History:
    """The latest moves, and how the gradient changed over each: what is known of the curvature."""

    def __init__(self, changes: list[Array], moves: list[Array], inverses: list[Any], scale: Any) -> None:
        self.changes, self.moves, self.inverses, self.scale = changes, moves, inverses, scale

    def add(self, change: Array, move: Array, most: int) -> None:
        """Remember a move, if the loss curves upwards along it; forget the oldest when there are more than `most`."""
        curvature = change.dot(move)
        if curvature > 1e-10:
            self.changes.append(change)
            self.moves.append(move)
            self.inverses.append(1.0 / curvature)
            self.scale = curvature / change.dot(change)
            for remembered in (self.changes, self.moves, self.inverses):
                del remembered[:-most]

    def newton_direction(self, gradient: Array) -> Array:
        """Return minus the gradient times the inverse of the curvature: where the parabola has its minimum."""
        direction = -gradient
        shares = []
        remembered = list(zip(self.changes, self.moves, self.inverses, strict=True))
        for change, move, inverse in reversed(remembered):
            share = move.dot(direction) * inverse
            direction = multiply_add(change, -share, direction).astype(gradient.dtype, copy=False)
            shares.append(share)
        direction = direction * self.scale
        for (change, move, inverse), share in zip(remembered, reversed(shares), strict=True):
            rest = share - change.dot(direction) * inverse
            direction = multiply_add(move, rest, direction).astype(gradient.dtype, copy=False)
        return direction


def _tensors(value: Any) -> Any:
    """Make tensors of arrays, to be remembered."""
    if isinstance(value, list):
        return [_tensors(item) for item in value]
    return wrap(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def _arrays(value: Any) -> Any:
    """Make arrays of remembered tensors, and NumPy's numbers of those without dimensions."""
    if isinstance(value, list):
        return [_arrays(item) for item in value]
    return value.array[()] if isinstance(value, Tensor) else value
