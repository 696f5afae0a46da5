"""What a spreadsheet can hold (support.microsoft.com, "Excel specifications and limits")."""

MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
MAX_FORMULA_LENGTH = 8_192
MAX_ARGUMENTS = 255
MAX_CHART_SERIES = 255
