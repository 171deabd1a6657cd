"""A page of one's own: an expression is typed, and its graph is there, forward and back."""

from gradviz.player.sandbox.page import Sandbox, sandbox, sandbox_page

__all__ = ["Sandbox", "sandbox", "sandbox_page"]
