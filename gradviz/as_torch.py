"""``import gradviz.as_torch``: from this line on, ``import torch`` means gradviz, in this process.

PyTorch's own lines then work as they are written::

    import gradviz.as_torch
    import torch
    import torch.nn as nn
    from torch.utils.data import DataLoader

``hasattr(torch, "__gradviz__")`` tells which one a program has.
"""

from gradviz import standin

standin.install()
