"""What PyTorch code asks about the library's version, as ``torch.version``."""

__all__ = ["cuda", "debug", "git_version", "hip"]

cuda: str | None = None
hip: str | None = None
git_version = "gradviz"
debug = False
