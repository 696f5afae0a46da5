"""Backpropagation tables, ours or anybody's: where each quantity stands."""
