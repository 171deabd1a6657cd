"""Charts: lines over steps, and a loss surface with the ways over it.

Where things go is worked out in `geometry`, by rules that the page's `frontend/src/training/geometry.js` has too; a test
gives both the same data. What they look like stands in ``look.json``, which both read.
"""
