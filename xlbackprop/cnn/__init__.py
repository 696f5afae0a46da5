"""Convolutional networks: their layers as data, and a trained one as a workbook."""
