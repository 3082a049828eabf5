# The commands. `make` without arguments lists them. Each installs what it needs into .venv/ and dbt_packages/.

ENGINE = duckdb
MAX_BAD_ROWS = 0
UNIT_TESTS = changed
# Values of the user reach the commands through the environment, where neither make nor a shell interprets them.
$(foreach name,RAW ENGINE MAX_BAD_ROWS UNIT_TESTS,$(if $(filter-out undefined,$(origin $(name))),\
    $(eval override export $(name) := $$(value $(name)))))
# Whether a flag such as FULL is on.
on = $(filter-out 0 no off false,$(1))
# How many processes run the tests; logical is one per core.
WORKERS = logical
PARALLEL = --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
TORTURED = faults broken_csv benchmark
SQL = $(wildcard models tests analyses snapshots)

export DO_NOT_TRACK = 1

.NOTPARALLEL:
EXTRAS = postgres spark redshift s3 bench metrics audit
.PHONY: help build data metrics test test-all bench parity torture docs lint format lock audit clean core dev all packages $(EXTRAS:%=%-extra)

help:
	@echo 'make build              build the warehouse from a small simulated championship'
	@echo 'make build RAW=path     build it from real files: a folder of CSVs, a zip, or the URL of a zip'
	@echo '                        (MAX_BAD_ROWS=n accepts up to n rows that cannot be read)'
	@echo 'make build UNIT_TESTS=always  run the unit tests even if no code changed since they passed'
	@echo 'make build FULL=1       build everything again, even if little of the data changed'
	@echo 'make build ENGINE=name  build it on postgres or spark instead of duckdb'
	@echo 'make parity             build on every installed engine, and compare all marts cell by cell'
	@echo 'make data               download the public archive of real results'
	@echo 'make docs               open the catalog: every table, column and test, a glossary, the lineage'
	@echo 'make metrics            query metrics by name: wins, rates, medians'
	@echo 'make test               run the linters and the tests on DuckDB; your data are not touched'
	@echo 'make test-all           run what CI runs: also the slow tests, and those of other engines, S3, the benchmark'
	@echo 'make bench              compare speed and memory with other tools: docs/benchmarks.md (QUICK=1: little data)'
	@echo 'make torture            run the long tests for an hour: kills, full disks, damaged files, random CSVs'
	@echo 'make lint               check the style of SQL and Python; make format fixes what it can'
	@echo 'make lock               resolve the versions in requirements/*.txt again (UPGRADE=--upgrade for newer ones)'
	@echo 'make audit              look for known vulnerabilities in the locked packages'
	@echo 'make clean              remove what dbt and the tests left; the data and .venv stay'
	@echo
	@echo 'PITWALL_DATA=folder     the folder of the data and the warehouse (default: data)'
	@echo 'PITWALL_LAKE=s3://...   a bucket: RAW=path is converted into it; without RAW the build reads from it'
	@echo 'PYTHON=program          the Python 3.11, 3.12 or 3.13 that .venv is made from (default: the newest found)'

build: packages $(filter postgres-extra spark-extra,$(ENGINE:%=%-extra))
	@.venv/bin/python scripts/convert_input.py --max-bad-rows="$$MAX_BAD_ROWS" $(if $(filter-out undefined,$(origin RAW)),-- "$$RAW")
	@.venv/bin/python scripts/build.py --engine="$$ENGINE" --unit-tests="$$UNIT_TESTS" $(if $(call on,$(FULL)),--full) \
	    $(if $(filter-out undefined,$(origin RAW)),--may-simulate)

data: core
	@.venv/bin/python scripts/fetch.py

test: lint
	@.venv/bin/python -m pytest $(PARALLEL) -m 'not extra and not slow'

# Needs Java for Spark, and a PostgreSQL server. A test that is skipped fails, unless it needs the real files.
test-all: all lint
	@PITWALL_NO_SKIPS=1 .venv/bin/python -m pytest $(PARALLEL)

bench: bench-extra packages
	@.venv/bin/python scripts/benchmark/run.py $(if $(QUICK),--quick)

parity: packages
	@.venv/bin/python scripts/parity.py

torture: dev bench-extra packages
	@PITWALL_TORTURE=1 .venv/bin/python -m pytest $(TORTURED:%=tests/python/test_%.py)

docs: packages
	@[ -f "$${PITWALL_DATA:-data}/warehouse.duckdb" ] || { \
	    echo 'docs: there is no warehouse yet; run `make build` first' >&2; exit 2; }
	@.venv/bin/dbt --quiet docs generate --static --target-path target
	@page="$$(pwd)/target/static_index.html"; \
	echo "The catalog, one page that needs no network: $$page"; \
	if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
	    .venv/bin/python -m webbrowser "file://$$page" > /dev/null; \
	fi

# `mf` reads the metrics from target/ and the connection from profiles.yml. Its progress display overwrites lines, so --quiet.
metrics: metrics-extra packages
	@[ -f "$${PITWALL_DATA:-data}/warehouse.duckdb" ] || { \
	    echo 'metrics: there is no warehouse yet; run `make build` first' >&2; exit 2; }
	@.venv/bin/dbt --quiet --log-level-file none parse --target-path target
	@said=$$(.venv/bin/mf validate-configs 2>&1) || { \
	    echo "$$said" >&2; \
	    echo 'metrics: they do not match the warehouse; if it was built before the metrics changed, run `make build`' >&2; exit 2; }
	@echo 'The metrics match the warehouse. The most wins, by driver:'
	@.venv/bin/mf query --quiet --metrics starts,wins,win_rate,podiums,poles --group-by driver__driver_name \
	    --order=-wins,driver__driver_name --limit 5 --decimals 3
	@echo
	@echo 'Another query: .venv/bin/mf query --metrics median_pit_time_ms --group-by season --order season'
	@echo 'All metrics: .venv/bin/mf list metrics. Their dimensions: .venv/bin/mf list dimensions --metrics wins'

lint: dev packages
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy & mypy=$$!; \
	PYTHONWARNINGS=ignore::UserWarning:multiprocessing.resource_tracker \
	    .venv/bin/sqlfluff lint --processes 0 --disable-progress-bar $(SQL); failed=$$?; \
	wait $$mypy && exit $$failed

format: dev packages
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format
	@.venv/bin/sqlfluff fix --disable-progress-bar $(SQL)

# all.txt is resolved first and constrains the others, so that any of them fit together in one .venv.
lock: .venv/bin/python
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	.venv/bin/python -m venv "$$tools" && "$$tools/bin/python" -m pip install -qq uv && \
	for set in all core dev $(EXTRAS); do \
	    case $$set in \
	        all) choice='--all-extras' ;; \
	        core) choice='--constraints requirements/all.txt' ;; \
	        *) choice="--constraints requirements/all.txt --extra $$set" ;; \
	    esac; \
	    "$$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	        --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(UPGRADE) \
	        $$choice -o requirements/$$set.txt pyproject.toml || exit; \
	done

audit: audit-extra
	@.venv/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/all.txt

clean:
	rm -rf target logs dbt_packages .mypy_cache .pytest_cache .ruff_cache "$${PITWALL_DATA:-data}/.build"

# The environment. Copies of the lock files in .venv/ record what is installed. `all` includes every other set.

core dev all $(EXTRAS:%=%-extra): set = $(@:-extra=)
core dev all $(EXTRAS:%=%-extra): .venv/bin/python
	@cmp -s requirements/$(set).txt .venv/$(set).txt || { \
	    echo 'Installing the packages that requirements/$(set).txt locks ...' && \
	    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-compile \
	        --no-deps --require-hashes -r requirements/$(set).txt && \
	    { .venv/bin/python -m compileall -q -j 0 .venv/lib > /dev/null 2>&1; \
	    cp $(if $(filter all,$@),requirements/*.txt,$(sort requirements/core.txt \
	        $(if $(filter dev,$@),requirements/metrics.txt) requirements/$(set).txt)) .venv/; }; }

packages: core $(if $(PITWALL_LAKE),s3-extra)
	@.venv/bin/python scripts/setup_packages.py

.venv/bin/python:
	@for python in $(if $(PYTHON),"$$PYTHON",python3.13 python3.12 python3.11 python3); do \
	    "$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	        2> /dev/null || continue; \
	    echo "Making .venv from $$python ..."; \
	    "$$python" -m venv --clear .venv && exit; \
	    rm -rf .venv; \
	done; \
	echo 'Pitwall needs Python 3.11, 3.12 or 3.13 with its venv module (on Debian: apt install python3-venv).' >&2; \
	echo 'None was found; name one with PYTHON=/path/to/python.' >&2; \
	exit 2
