"""Runs as files: what a file says (`document`), written (`codec`) and read with suspicion (`reader`)."""
