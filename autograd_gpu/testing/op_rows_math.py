"""Rows of the op table: mathematics beyond what a training step needs."""

MATH = []
