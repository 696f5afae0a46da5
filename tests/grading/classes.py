"""Workbooks as a class hands them in, and the files around them that learning platforms write."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.chart import LineChart, Reference

from tests.handmade import FORMULAS, START_A, Handmade, write

RATES = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0)
STEPS = 6
#: The slip that is handed from course to course.
SLIP = {name: FORMULAS[name].replace("{a_h2}", "{a_h1}") for name in ("dE_dw3", "dE_dw4")}


def homework(
    path: Path,
    formulas: Mapping[str, str] | None = None,
    *,
    rates: tuple[float, ...] = RATES,
    start: Mapping[str, float] = START_A,
    cells: Mapping[tuple[str, int], str | float] | None = None,
    charts: bool = True,
    steps: int = STEPS,
) -> Path:
    """A workbook with a sheet a learning rate, and on each a chart of E_total."""
    tables = [
        Handmade(rate=rate, steps=steps, start=dict(start), formulas=FORMULAS | dict(formulas or {}), cells=cells or {})
        for rate in rates
    ]
    write(path, *tables)
    if charts:
        draw(path, steps)
    return path


def draw(path: Path, steps: int = STEPS) -> None:
    """Put a chart of E_total on each sheet."""
    book = load_workbook(path)
    for sheet in book:
        (header,) = (cell for row in sheet.iter_rows(max_row=12) for cell in row if cell.value == "E_total")
        chart = LineChart()
        first = header.row + 1
        chart.add_data(Reference(sheet, min_col=header.column, min_row=first, max_row=first + steps))
        sheet.add_chart(chart, "A40")
    book.save(path)


def zipped(path: Path, files: Mapping[str, Path | bytes]) -> Path:
    """A zip with these files under these names."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else content.read_bytes())
    return path


def copied(source: Path, target: Path) -> Path:
    """A copy, in a folder that is made for it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return target


BOM = "\ufeff"
#: A worksheet as Moodle exports it, in three languages; the number of the third participant has no submission.
WORKSHEETS = {
    "English": BOM
    + (
        'Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",'
        '"Last modified (submission)","Last modified (grade)","Feedback comments"\r\n'
        '"Participant 101","Jane Doe",jane@example.org,"Submitted for grading",,10.00,Yes,'
        '"Tuesday, 3 March 2026, 10:00 AM",-,\r\n'
        '"Participant 102","""John"" Roe",john@example.org,"Submitted for grading",,10.00,Yes,'
        '"Tuesday, 3 March 2026, 11:00 AM",-,\r\n'
        '"Participant 103","Max Moe",max@example.org,"No submission",,10.00,Yes,-,-,\r\n'
    ),
    "German": BOM
    + (
        'ID;"Vollständiger Name";E-Mail-Adresse;Status;Bewertung;"Beste Bewertung";"Bewertung kann geändert werden";'
        '"Zuletzt geändert (Abgabe)";"Zuletzt geändert (Bewertung)";"Feedback als Kommentar"\n'
        '"Teilnehmer/in 101";"Jane Doe";jane@example.org;"Zur Bewertung abgegeben";;10,00;Ja;'
        '"Dienstag, 3. März 2026, 10:00";-;\n'
        '"Teilnehmer/in 102";"John Roe";john@example.org;"Zur Bewertung abgegeben";;10,00;Ja;'
        '"Dienstag, 3. März 2026, 11:00";-;\n'
        '"Teilnehmer/in 103";"Max Moe";max@example.org;"Keine Abgabe";;10,00;Ja;-;-;\n'
    ),
    "Spanish": (
        "Identificador,Estado,Calificación,Calificación máxima,La calificación puede ser cambiada,"
        "Última modificación (entrega),Última modificación (calificación),Comentarios de retroalimentación\n"
        '"Participante 101",Enviado,"","10,00",Sí,"martes, 3 de marzo de 2026, 10:00",-,""\n'
        '"Participante 102",Enviado,"","10,00",Sí,"martes, 3 de marzo de 2026, 11:00",-,""\n'
        '"Participante 103",Sin entrega,"","10,00",Sí,-,-,""\n'
    ),
}
#: What the importer of a site in this language looks for: the number, the grade, its date, and what stands before 101.
MOODLE_WORDS = {
    "English": ("Identifier", "Grade", "Last modified (grade)", "Feedback comments", "Participant "),
    "German": ("ID", "Bewertung", "Zuletzt geändert (Bewertung)", "Feedback als Kommentar", "Teilnehmer/in "),
    "Spanish": (
        "Identificador",
        "Calificación",
        "Última modificación (calificación)",
        "Comentarios de retroalimentación",
        "Participante ",
    ),
}
GRADEBOOK = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Backpropagation (4711),Essay (4712),Final Score\n"
    '"Doe, Jane",901,s1,jdoe,One,,4,80\n'
    '"Roe, John",902,s2,jroe,One,,3,70\n'
    '"Moe, Max",903,s3,mmoe,One,5.5,,\n'
    '"Student, Test",999,,,One,,,\n'
).replace("Final Score\n", "Final Score\n    Points Possible,,,,,10,5,(read only)\n", 1)
