"""What PyTorch code asks about how the library was built, as ``torch.version``: for no graphics card."""

from gradviz import __version__

__all__ = ["__version__", "cuda", "debug", "git_version", "hip"]

cuda = None
debug = False
git_version = "unknown"
hip = None
