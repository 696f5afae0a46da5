"""What was found about a workbook, and how it is told."""
