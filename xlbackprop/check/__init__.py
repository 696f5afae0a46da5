"""Whether a workbook's backpropagation is right, and which formula is the cause where it is not."""
