"""What everything in a graph is called: by the learner where there is such a name, else by what made it; no two things alike.

First comes what the learner calls things (`known`), then what made those that have no name yet (`composed`), which reads the names
that the first has given. A name that several tensors have, as ``h`` of a loop, is counted from 0 in the order in which they came to
be: ``h⁽⁰⁾``, ``h⁽¹⁾``. Only numbers written in a program may look alike.
"""

from __future__ import annotations

from gradviz.recording import words
from gradviz.recording.names import Names
from gradviz.recording.naming.called import Called, counted, uncounted
from gradviz.recording.naming.composed import Composed
from gradviz.recording.naming.known import Known
from gradviz.recording.runs import runs_of, within_calls
from gradviz.recording.wiring import Wiring

__all__ = ["Called", "Naming", "counted", "uncounted"]


class Naming:
    """The names of all tensors of a graph.

    Parameters
    ----------
    wiring
        The graph.
    names
        What is known from the variables.

    Attributes
    ----------
    called
        The names.
    texts
        By operation: the words for its settings, if it has any.
    """

    def __init__(self, wiring: Wiring, names: Names) -> None:
        nodes, runs = enumerate(wiring.nodes), list(runs_of(wiring.nodes))
        self.texts = {
            n: words.settings_words(node.operation, node.settings) for n, node in nodes if node.operation.settings
        }
        known = Known(wiring, names, runs)
        self.called = known.called
        for number, targets in wiring.targets.items():
            names_of = {slot: self.called.texts[tensor] for slot, tensor in targets}
            self.texts[number] = tuple([(name, names_of.get(name) or text) for name, text in self.texts[number]])
        within = within_calls(wiring.nodes)
        self._composed = Composed(wiring, names.modules, runs, within, self.called, known.bases, self.texts)

    def expression(self, tensor: int) -> str:
        """Write what made a result, whatever it is called: as it was written where there is no other short form."""
        return self._composed.expression(tensor)
