"""The autograd engine: tensors, the table of operations, the backward pass. It knows nothing of pictures."""

import warnings

from gradviz.engine import fast, methods, numpy_protocol
from gradviz.engine.fast import pages

methods.install()
numpy_protocol.install()
if fast.enabled:
    pages.keep()

# Where a loss diverges NumPy warns of an overflow at our line, PyTorch computes inf in silence. The rows that divide by
# zero in ordinary use are quiet by themselves; this covers the rest, and no line outside of this package.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"gradviz\.(engine|nn)\.")
