"""What PyTorch code asks about the library's version, as ``torch.version``."""

from typing import Any

from gradviz import absent

__all__ = ["cuda", "debug", "git_version", "hip"]

cuda: str | None = None
hip: str | None = None
git_version = "gradviz"
debug = False


def __getattr__(name: str) -> Any:
    if name == "__version__":
        import gradviz

        return gradviz.__version__
    return absent.attribute("version", name, __all__)
