"""Linear algebra: what NumPy lacks of it, what is checked, its rows of the table, its functions."""
