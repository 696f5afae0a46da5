"""The workbook in which every number of a training is a live formula."""
