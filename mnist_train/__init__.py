"""Compact CNNs for MNIST: trained in seconds, logged, and comparable."""

from xlbackprop import __version__

__all__ = ["__version__"]
