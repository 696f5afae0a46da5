"""Writes a book as an .xlsx file; the one room that knows XlsxWriter, and its private parts."""

from xlbackprop.spreadsheet.xlsx.writer import write

__all__ = ["write"]
