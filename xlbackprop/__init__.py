"""Backpropagation as a spreadsheet: every number of a small network's training, a live formula."""

from importlib import import_module

__version__ = "0.2.0"

# typing takes its time, in which Ctrl-C would show where the program is
TYPE_CHECKING = False

if TYPE_CHECKING:
    from xlbackprop.build import Built, Recipe
    from xlbackprop.build import build as build_workbook
    from xlbackprop.check.batch import check_all as check_workbooks
    from xlbackprop.check.file import check as check_workbook
    from xlbackprop.check.file import verify as verify_workbook
    from xlbackprop.errors import CheckFailed, Failure, FileExists, UnusableInput
    from xlbackprop.report.annotation import annotate
    from xlbackprop.report.data import as_csv, as_json
    from xlbackprop.report.findings import CheckedFile, CheckedTable, Difference, Finding, Kind, Verdict
    from xlbackprop.report.text import sentence

#: Where each public name is defined: nothing that is slow to import is imported before it is used.
_DEFINED = {
    "Built": "build.Built",
    "CheckFailed": "errors.CheckFailed",
    "CheckedFile": "report.findings.CheckedFile",
    "CheckedTable": "report.findings.CheckedTable",
    "Difference": "report.findings.Difference",
    "Failure": "errors.Failure",
    "FileExists": "errors.FileExists",
    "Finding": "report.findings.Finding",
    "Kind": "report.findings.Kind",
    "Recipe": "build.Recipe",
    "UnusableInput": "errors.UnusableInput",
    "Verdict": "report.findings.Verdict",
    "annotate": "report.annotation.annotate",
    "as_csv": "report.data.as_csv",
    "as_json": "report.data.as_json",
    "build_workbook": "build.build",
    "check_workbook": "check.file.check",
    "check_workbooks": "check.batch.check_all",
    "sentence": "report.text.sentence",
    "verify_workbook": "check.file.verify",
}

__all__ = [
    "Built", "CheckFailed", "CheckedFile", "CheckedTable", "Difference", "Failure", "FileExists", "Finding", "Kind",
    "Recipe", "UnusableInput", "Verdict", "__version__", "annotate", "as_csv", "as_json", "build_workbook",
    "check_workbook", "check_workbooks", "sentence", "verify_workbook",
]  # fmt: skip

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _DEFINED:
            raise AttributeError(f"module {__name__} has no attribute {name}")
        module, _, defined = _DEFINED[name].rpartition(".")
        return getattr(import_module(f"{__name__}.{module}"), defined)
