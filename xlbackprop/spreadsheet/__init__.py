"""Cells of any workbook: addresses, formulas, recalculation, and the file itself."""
