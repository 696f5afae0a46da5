"""Backpropagation as a spreadsheet: every number of a small network's training, a live formula."""

__version__ = "0.1.0"
