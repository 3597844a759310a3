# Every target sets up .venv by itself, once; nothing is installed outside this folder.
#   make demo | check | test | docs | example | pictures | site | lint | lab | audit | package | pins | hashes | clean, and what takes longer, see below        PYTHON=python3.12 chooses another interpreter

PYTHON ?= python3
BIN := .venv/bin
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed
export PYTHONSAFEPATH := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo lab lint check test docs example pictures site bench-diagnose bench-redaction bench-list bench-fleet bench-runs bench-sweep kill-matrix sweep-matrix tamper bad-inputs replays faults lab-scenarios package audit pins hashes clean

demo: $(RUNTIME)
	@$(BIN)/runbooks demo

lab: $(RUNTIME)
	@$(BIN)/python -m runbooks.execution.lab

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Before every commit: all but the tests marked slow in tests/conftest.py, a minute and a half;
# without mypy's cache half a minute more.
check: lint
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow"

test: lint
	$(BIN)/pytest -n 2 --dist worksteal

# The pages about causes, from the registry and the scenarios.
docs: $(RUNTIME)
	@$(BIN)/python -m tools.generate_docs docs

# The pictures in the documents, from the committed example; needs Chromium.
pictures: $(DEV)
	@$(BIN)/python -m tools.make_pictures

# The documents as a site, in .venv/site: offline, and without anything from elsewhere.
site: $(DEV)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet && echo "Site: .venv/site/index.html"

# The committed example: the demo's run as this version leaves it (tests/test_example.py).
example: $(RUNTIME)
	@rm -rf .venv/example && $(BIN)/runbooks demo --output-root .venv/example
	@rm -rf outputs/example && mv .venv/example/2*/*--* outputs/example && rm -rf .venv/example

bench-diagnose: $(RUNTIME)
	@$(BIN)/python benchmarks/diagnose.py

# 100,000 machines in the list: time and memory.
bench-list: $(RUNTIME)
	@$(BIN)/python benchmarks/long_list.py

# 100,000 machines and rows: ratios of CPU, memory and growth; the wall time with the limiter on, two minutes; and the
# memory that a million rows of a real PostgreSQL take.
bench-fleet: $(DEV)
	@$(BIN)/python benchmarks/fleet.py && $(BIN)/python benchmarks/fleet.py --paced
	@$(BIN)/python -m tests.real.million_rows

# What a run costs, in empty notebooks: cold, warm, and on a cluster; ten minutes. BATCH=6 makes fewer runs.
bench-runs: $(DEV)
	@$(BIN)/python benchmarks/runs.py --batch $(or $(BATCH),40)

# What the runs of a sweep save by sharing what they are answered about app and organisation; two minutes.
bench-sweep: $(DEV)
	@$(BIN)/python benchmarks/sweep.py

# Runs that are killed at 20 moments, and on 10 small disks, for three scenarios: half an hour. Disks need root.
kill-matrix: $(DEV)
	@$(BIN)/python -m tests.journal.matrix

# Sweeps that are killed, without room, without their database, and two at once: a quarter of an hour. Disks need root.
sweep-matrix: $(DEV)
	@$(BIN)/python -m tests.journal.sweeps

# Every byte of a bundle changed, one after the other.
tamper: $(DEV)
	@$(BIN)/python -m tests.journal.tamper

# A hundred bad inputs, each in a process of its own, with its peak memory.
bad-inputs: $(DEV)
	@$(BIN)/python -m tests.bad_inputs.playing

# Wheel and source distribution into dist/, each tried in an empty environment, and the steps of the Dockerfile.
package: $(DEV)
	@rm -rf dist && $(BIN)/python -m tests.package.installing

# The workflows, offline, and the pinned packages against the advisory database, where that can be reached.
audit:
	@tools/audit.sh

# Recall, harmless lines changed, and speed of the masking; CORPUS=file.json.gz measures another corpus.
bench-redaction: $(DEV)
	@$(BIN)/python benchmarks/redaction.py $(CORPUS)

# Every scenario replayed to the byte; `make test` plays a third, another one with each commit.
replays: $(DEV)
	@REPLAY=all $(BIN)/pytest -n 2 --dist worksteal tests/replay

# Every question with every fault, about a quarter of an hour; `make test` plays a slice of it.
faults: $(DEV)
	@$(BIN)/python -m tests.faults.matrix

# Every scenario in one kernel of a real JupyterLab, about ten minutes; `make test` plays a slice of it.
lab-scenarios: $(DEV)
	@LAB_SCENARIOS=all $(BIN)/pytest tests/lab -k scenario

$(RUNTIME): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "fly-runbooks needs Python 3.11 or newer, and '$(PYTHON)' is not." >&2; \
	  echo "Name one that is: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Setting up .venv: downloading and installing, once, about a minute" >&2
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install -qq --no-deps --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install -qq --no-deps -e .
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.txt
	@$(BIN)/python -m pip install -qq --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

# The newest versions that pyproject.toml allows, for the oldest Python that is supported: PYTHON names that one.
pins:
	rm -rf .venv/pins && $(PYTHON) -m venv .venv/pins
	.venv/pins/bin/pip install --quiet -e '.[lab,records]'
	.venv/pins/bin/pip freeze --exclude-editable > .venv/pins/runtime
	.venv/pins/bin/pip install --quiet -e '.[dev]'
	.venv/pins/bin/pip freeze --exclude-editable > .venv/pins/all
	{ cat .venv/pins/runtime; echo 'appnope==0.1.4; sys_platform == "darwin"'; } > requirements.txt
	grep -vxFf .venv/pins/runtime .venv/pins/all > requirements-dev.txt
	rm -rf .venv/pins
	$(MAKE) hashes

# The hashes of the versions that are pinned, for every platform: after a line was changed by hand.
hashes:
	@mkdir -p .venv && $(PYTHON) -m venv .venv/hashes && .venv/hashes/bin/pip install -qq uv
	@for name in requirements requirements-dev; do \
	  { echo "# Pinned with hashes. Written by \`make pins\`; do not edit."; \
	    sed -E 's/ *--hash=[^ ]*//g; s/ *\\$$//; /^ *$$/d; /^#/d' $$name.txt | .venv/hashes/bin/uv pip compile - --quiet \
	      --no-deps --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url; } \
	    > .venv/hashes/$$name.txt && mv .venv/hashes/$$name.txt $$name.txt || exit 1; \
	done
	@rm -rf .venv/hashes

clean:
	rm -rf .venv
