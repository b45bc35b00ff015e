"""Edits of every kind against a live worker: the before/after folders in `cases`, and what executes them."""
