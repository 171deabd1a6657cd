"""``import gradviz.as_torch``: from this line on, ``import torch`` means gradviz, in this process.

PyTorch's own lines then work as they are written. ``hasattr(torch, "__gradviz__")`` tells which one a program has.

>>> import gradviz.as_torch  # doctest: +SKIP
>>> import torch  # doctest: +SKIP
>>> import torch.nn as nn  # doctest: +SKIP
>>> from torch.utils.data import DataLoader  # doctest: +SKIP
>>> torch.__name__, DataLoader.__module__  # doctest: +SKIP
('gradviz', 'gradviz.utils.data.loader')
"""

from gradviz import standin

standin.install()
