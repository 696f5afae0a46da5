# Two commands do everything: `make workbook` and `make test`. Without torch, `make test-light` tests what it can.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= dev,mnist
BIN := $(VENV)/bin

.PHONY: workbook test test-light pictures benchmarks clean

workbook: $(VENV)/installed
	$(BIN)/xlbackprop build --lrs 0.1,0.2,0.5,0.8,1,2 -o output/backprop.xlsx --force
	$(BIN)/xlbackprop verify output/backprop.xlsx

test-light: EXTRAS = dev

test test-light: $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[$(EXTRAS)]"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses auto

pictures: $(VENV)/trainer-installed
	PYTHONPATH=. $(BIN)/python docs/make_pictures.py

benchmarks: $(VENV)/trainer-installed
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.checking
	$(BIN)/python -m benchmarks.training

clean:
	rm -rf $(VENV) build dist *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/trainer-installed: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[mnist]"
	touch $@
