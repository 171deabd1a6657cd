"""TODO."""
from typing import Any
def picture_of(question: Any, way: Any, findings: Any) -> Any:
    return None
