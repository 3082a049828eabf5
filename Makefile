# The commands. `make` without arguments lists them. Each installs what it needs into .venv/ and dbt_packages/.

ENGINE ?= duckdb
MAX_BAD_ROWS = 0
UNIT_TESTS = changed
# How many processes run the tests; logical is one per core.
WORKERS ?= logical
override PARALLEL = --numprocesses "$${WORKERS:-logical}" --dist loadfile --no-loadscope-reorder
override TORTURED = faults broken_csv orders benchmark
override SQL = $(wildcard models tests analyses snapshots dashboard scripts/pitwall/raw/jolpica/sql)
override LINT_SETTINGS = Makefile $(wildcard .sqlfluff .sqlfluff_library/*.py macros requirements/dev.txt) \
    $(wildcard scripts/pitwall/raw/jolpica/sql/.sqlfluff)
# Each is also the name of its Debian package.
override IMAGE_PROGRAMS = podman buildah runc catatonit debootstrap
override EXTRAS = postgres spark redshift s3 bench metrics audit ml dashboard site release browser images

# Recipes read what the user set from the environment, in quotes. On the command line make would expand a dollar sign
# in a value, so each value is set again as it was typed.
export ENGINE WORKERS MAX_BAD_ROWS UNIT_TESTS
define as_typed
override $(1) := $$(value $(1))
export $(1)
endef
$(foreach name,$(filter-out MAKE% -%,$(.VARIABLES)),\
    $(if $(filter command,$(firstword $(origin $(name)))),$(eval $(call as_typed,$(name)))))
# Whether a setting is on: FULL=0 means no.
flag = $(filter-out 0 no No NO false False FALSE off Off OFF,$(1))
override IS_WRITABLE = [ -w . ] || { \
    echo "The project's folder cannot be written: $$(pwd). Copy it to where it can." >&2; exit 2; }
# The packages of another engine than DuckDB. The target `engine` refuses a name that is none.
override ENGINE_EXTRA = $(filter $(EXTRAS:%=%-extra),$(filter-out duckdb-extra,$(addsuffix -extra,$(value ENGINE))))

# The user's settings of dbt, pip and Python are for other projects, except those that say where packages come from:
# PIP_USER or PIP_TARGET would install into another place, DBT_TARGET would build there.
FROM = CACHE_DIR CERT CLIENT_CERT CONFIG_FILE DEFAULT_TIMEOUT EXTRA_INDEX_URL FIND_LINKS INDEX_URL KEYRING_PROVIDER \
    NO_CACHE_DIR NO_INDEX PROXY RESUME_RETRIES RETRIES TIMEOUT TRUSTED_HOST USE_DEPRECATED USE_FEATURE
unexport $(filter-out DBT_PACKAGE_HUB_URL $(FROM:%=PIP_%),$(filter DBT_% PIP_%,$(.VARIABLES)))
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONOPTIMIZE PYTHONINSPECT PYTHONWARNINGS
# Python keeps what it compiles in .venv. Otherwise each command that imports MLflow compiles it for seconds.
unexport PYTHONDONTWRITEBYTECODE
export DO_NOT_TRACK = 1
# compose reads .env. dbt would too, but no other program here, so that one build would have two sets of settings.
export PYTHON_DOTENV_DISABLED = 1

.NOTPARALLEL:
.PHONY: help build diff data metrics shell test test-extras test-all bench parity torture docs lint format lock audit clean
.PHONY: core dev all environments packages engine writable workers $(EXTRAS:%=%-extra)
.PHONY: images images-test image-programs
.PHONY: train predict serve backtest card mlflow mlflow-pages dashboard bench-dashboard release site pictures
.PHONY: airflow airflow-env test-airflow

help:
	@echo 'make build              build the warehouse from a small simulated championship'
	@echo 'make build RAW=path     build it from real files: a folder of CSVs, a zip, or the URL of a zip'
	@echo '                        (MAX_BAD_ROWS=n accepts up to n rows that cannot be read)'
	@echo 'make build RAW=path ALSO=dump  and fill what it lacks from a dump of jolpica-f1'
	@echo 'make build UNIT_TESTS=always  run the unit tests even if no code changed since they passed'
	@echo 'make build FULL=1       build everything again, even if little of the data changed'
	@echo 'make build ENGINE=name  build it on postgres or spark instead of duckdb; make docs ENGINE=name shows it'
	@echo 'make parity             build on every installed engine, and compare all marts cell by cell'
	@echo 'make diff               show what your changes change in the tables (BASE=ref: the commit to compare with)'
	@echo 'make data               download the public archive of real results (SOURCE=jolpica: the dump of jolpica-f1)'
	@echo 'make docs               open the catalog: every table, column and test, a glossary, the lineage'
	@echo 'make shell              query the warehouse in SQL; .examples lists questions'
	@echo 'make dashboard          show the warehouse in charts, on this machine only (PORT=8501)'
	@echo 'make site               make the site: answers, tables, rules, the catalog, queries in the browser'
	@echo '                        (SERVE=1 or PORT=8081 shows it on this machine)'
	@echo 'make pictures           draw the pictures of the README and the site from the warehouse'
	@echo 'make release            write the warehouse as files to take away (PREVIOUS=folder of the release to compare with)'
	@echo 'make metrics            query metrics by name: wins, rates, medians'
	@echo 'make train              train the model of races, test it season by season, and record it in MLflow'
	@echo 'make predict            predict the next race, and write it to the ledger (RACE=2025-19, GRID=file.csv)'
	@echo 'make serve              answer predictions over HTTP on this machine (PORT=8000)'
	@echo 'make mlflow             show the runs and the registered models in MLflow (PORT=5000)'
	@echo 'make airflow            run Airflow on this machine: it rebuilds after each race (PORT=8090)'
	@echo 'make backtest           print the scores of the backtest beside their bars'
	@echo 'make card               write docs/model-card.md from the warehouse'
	@echo 'make test               run the linters and the tests on DuckDB; your data are not touched'
	@echo 'make test-extras        run what CI runs: also the tests of other engines, S3, predictions, the benchmark'
	@echo 'make test-all           run what CI runs each night: also the slow tests'
	@echo 'make bench              compare speed and memory with other tools: docs/benchmarks.md (QUICK=1: little data;'
	@echo '                        BASE=ref: also `make build` of that commit; BEFORE=file: also an older page)'
	@echo 'make bench-dashboard    measure how soon its pages paint, and how smooth hovering is, in a browser'
	@echo 'make torture            run the long tests for an hour: kills, full disks, damaged files, random CSVs'
	@echo 'make images             build the container images of all profiles, with docker or podman'
	@echo 'make images-test        build images on a base made from Debian, run them with podman, and check them (as root)'
	@echo 'make lint               check the style of SQL and Python; make format fixes what it can'
	@echo 'make lock               resolve the versions in requirements/*.txt again (UPGRADE=1 for newer ones)'
	@echo 'make audit              look for known vulnerabilities in the locked packages'
	@echo 'make clean              remove what dbt and the tests left; the data and .venv stay'
	@echo
	@echo 'PITWALL_DATA=folder     the folder of the data and the warehouse (default: data)'
	@echo 'PITWALL_LAKE=s3://...   a bucket: RAW=path is converted into it; without RAW the build reads from it'
	@echo 'PYTHON=program          the Python 3.11, 3.12 or 3.13 that .venv is made from (default: the newest found)'

build: engine packages $(ENGINE_EXTRA)
	@.venv/bin/python scripts/convert_input.py --max-bad-rows="$$MAX_BAD_ROWS" $(if $(value ALSO),--also="$$ALSO") \
	    $(if $(filter-out undefined,$(origin RAW)),-- "$$RAW")
	@.venv/bin/python scripts/build.py --engine="$$ENGINE" --unit-tests="$$UNIT_TESTS" \
	    $(if $(call flag,$(value FULL)),--full) $(if $(filter-out undefined,$(origin RAW)),--may-simulate)

data: core
	@.venv/bin/python scripts/fetch.py $(if $(value SOURCE),--source="$$SOURCE")

test: workers lint
	@.venv/bin/python -m pytest $(PARALLEL) -m 'not extra and not slow'

# The tests in Airflow wait much of their time, so they run beside the others. What they print comes last.
define test_all
@printed=$$(mktemp); trap 'kill $$airflow 2> /dev/null; rm -f "$$printed"' EXIT; trap 'exit 130' INT TERM; \
$(MAKE) --no-print-directory test-airflow MARKS='$(1)' > "$$printed" 2>&1 & airflow=$$!; \
PITWALL_NO_SKIPS=1 .venv/bin/python -m pytest $(PARALLEL) $(if $(1),-m '$(1)'); failed=$$?; \
wait $$airflow || failed=$$?; cat "$$printed"; exit $$failed
endef

# Both need Java for Spark, a PostgreSQL server and a browser. A test that is skipped fails, unless it needs the real files.
test-extras: workers environments lint
	$(call test_all,not slow)

test-all: workers environments lint
	$(call test_all)

bench: writable bench-extra packages
	@.venv/bin/python scripts/benchmark/run.py $(if $(call flag,$(value QUICK)),--quick) \
	    $(if $(value BASE),--base="$$BASE") $(if $(value BEFORE),--before="$$BEFORE")

parity: packages
	@.venv/bin/python scripts/parity.py

diff: packages
	@.venv/bin/python scripts/diff.py $(if $(filter-out undefined,$(origin BASE)),--base="$$BASE")

torture: writable dev bench-extra packages
	@PITWALL_TORTURE=1 .venv/bin/python -m pytest $(TORTURED:%=tests/python/test_%.py)

# Both read compose.yaml.
images: PROFILES = warehouse postgres ml dashboard site airflow
images:
	@if docker compose version > /dev/null 2>&1; then compose='docker compose'; else compose=.venv/bin/podman-compose; \
	    command -v podman > /dev/null || { echo 'images: neither docker compose nor podman is installed' >&2; exit 2; }; \
	    $(MAKE) --no-print-directory images-extra || exit; fi; \
	$$compose $(PROFILES:%=--profile %) build

image-programs:
	@missing=; for program in $(IMAGE_PROGRAMS); do command -v $$program > /dev/null || missing="$$missing $$program"; done; \
	[ -x /usr/lib/cni/portmap ] || missing="$$missing containernetworking-plugins"; \
	[ -z "$$missing" ] || { \
	    echo "images-test: not installed:$$missing (on Debian: apt install$$missing)" >&2; exit 2; }; \
	[ "$$(id -u)" = 0 ] || { echo 'images-test: debootstrap needs root; run it with sudo' >&2; exit 2; }

# KEEP=folder keeps the images there, so that the next run builds only what has changed.
images-test: image-programs writable dev images-extra
	@PITWALL_IMAGES="$${KEEP:-1}" .venv/bin/python -m pytest -m images tests/python/test_images.py

docs: writable engine packages $(ENGINE_EXTRA)
	@.venv/bin/python scripts/catalog.py --engine "$${ENGINE:-duckdb}"

site: writable site-extra packages
	@.venv/bin/python scripts/make_site.py $(if $(call flag,$(value SERVE))$(value PORT),--serve) \
	    $(if $(value PORT),--port="$$PORT")

pictures: core
	@.venv/bin/python scripts/pictures.py

shell: core
	@.venv/bin/python scripts/shell.py

dashboard: engine dashboard-extra $(ENGINE_EXTRA)
	@exec .venv/bin/python scripts/dashboard.py $(if $(value PORT),--port="$$PORT") \
	    $(if $(filter-out file,$(origin ENGINE)),--engine="$$ENGINE")

bench-dashboard: dashboard-extra browser-extra
	@.venv/bin/python scripts/benchmark/dashboard.py

train: ml-extra
	@.venv/bin/python scripts/train.py

predict: ml-extra
	@.venv/bin/python scripts/predict.py $(if $(value RACE),--race="$$RACE") $(if $(value GRID),--grid="$$GRID")

serve: ml-extra
	@.venv/bin/python scripts/serve.py $(if $(value PORT),--port="$$PORT")

backtest: ml-extra packages
	@.venv/bin/python scripts/backtest.py

card: ml-extra packages
	@.venv/bin/python scripts/model_card.py

release: release-extra
	@.venv/bin/python scripts/release.py $(if $(value PREVIOUS),--previous="$$PREVIOUS") \
	    $(if $(call flag,$(value ONLY_CHANGES)),--only-changes)

mlflow: ml-extra mlflow-pages
	@exec .venv/bin/python scripts/show_runs.py $(if $(value PORT),--port="$$PORT")

# Airflow calls these commands, so it needs their packages in .venv.
airflow: writable ml-extra release-extra packages airflow-env
	@exec .venv/bin/python scripts/run_airflow.py $(if $(value PORT),--port="$$PORT")

# `extra` keeps it out of the tests of .venv, which has no Airflow.
test-airflow: writable dev release-extra packages airflow-env
	@.venv-airflow/bin/python -m pytest tests/airflow $(if $(value MARKS),-m "$$MARKS")

# `mf` reads the metrics from target/ and the connection from profiles.yml. Its progress display overwrites lines, so --quiet.
metrics: export override PITWALL_TARGET := $(or $(value ENGINE),duckdb)
metrics: writable engine metrics-extra packages $(ENGINE_EXTRA)
	@[ "$$PITWALL_TARGET" != spark ] || { \
	    echo 'metrics: MetricFlow has no adapter for Spark; build on duckdb or postgres' >&2; exit 2; }
	@.venv/bin/python scripts/check_warehouse.py --engine "$$PITWALL_TARGET"
	@.venv/bin/dbt --quiet --log-level-file none parse --target-path target
	@said=$$(.venv/bin/mf validate-configs 2>&1) || { \
	    echo "$$said" >&2; \
	    echo 'metrics: they do not match the warehouse; if it was built before the metrics changed, run `make build`' >&2; exit 2; }
	@echo 'The metrics match the warehouse. Drivers with 20 wins or more:'
	@.venv/bin/mf query --quiet --saved-query most_wins --order=-wins,driver__driver_name --decimals 3
	@echo
	@echo 'Saved queries, for .venv/bin/mf query --quiet --saved-query NAME --order=-METRIC:'
	@.venv/bin/mf list saved-queries 2> /dev/null | sed -n 's/^• /  /p'
	@echo 'Your own query: .venv/bin/mf query --quiet --metrics median_pit_time_ms --group-by season --order season'
	@echo 'All metrics: .venv/bin/mf list metrics. Their dimensions: .venv/bin/mf list dimensions --metrics wins'

# All SQL costs sqlfluff a minute of processor time. So it checks only files that changed since all were clean; all of
# them if a macro, a setting or a version did.
lint: writable dev packages
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/hadolint Dockerfile
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	@.venv/bin/actionlint -shellcheck= -pyflakes=
	@.venv/bin/zizmor --offline --quiet .github
	@for checked in 'github-workflows .github/workflows/*.yml' 'dependabot .github/dependabot.yml' \
	    'github-issue-config .github/ISSUE_TEMPLATE/config.yml' \
	    'github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))'; do \
	    .venv/bin/check-jsonschema --quiet --builtin-schema vendor.$$checked || exit; \
	done
	@.venv/bin/mypy $(if $(value NO_COLOR),--no-color-output) & mypy=$$!; \
	clean=.venv/sql-was-clean; : > .venv/sql-is-checked; sql='$(SQL)'; \
	[ ! -e $$clean ] || [ "$$(find $(LINT_SETTINGS) -newer $$clean)" ] || \
	    sql=$$(find $(SQL) -name '*.sql' -newer $$clean); \
	[ -z "$$sql" ] || PYTHONWARNINGS=ignore::UserWarning:multiprocessing.resource_tracker \
	    .venv/bin/sqlfluff lint --processes 0 --disable-progress-bar $$sql; failed=$$?; \
	[ $$failed != 0 ] || mv .venv/sql-is-checked $$clean; \
	wait $$mypy && exit $$failed

format: writable dev packages
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format
	@.venv/bin/sqlfluff fix --disable-progress-bar $(SQL)

# all.txt is resolved first and constrains the others, so that any of them fit together in one .venv.
lock: writable .venv/bin/python
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	.venv/bin/python -m venv "$$tools" && "$$tools/bin/python" -m pip install -qq uv && \
	for set in all core dev $(EXTRAS); do \
	    case $$set in \
	        all) choice='--all-extras' ;; \
	        core) choice='--constraints requirements/all.txt' ;; \
	        *) choice="--constraints requirements/all.txt --extra $$set" ;; \
	    esac; \
	    "$$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	        --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	        $(if $(call flag,$(value UPGRADE)),--upgrade) $$choice -o requirements/$$set.txt pyproject.toml || exit; \
	done; \
	for alone in mlflow airflow pip; do \
	    "$$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	        --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	        $(if $(call flag,$(value UPGRADE)),--upgrade) -o requirements/$$alone.txt requirements/$$alone.in || exit; \
	done; \
	for client in requirements/clients/*.in; do \
	    "$$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	        --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	        -o "$${client%.in}.txt" "$$client" || exit; \
	done

audit: audit-extra
	@.venv/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/all.txt

clean: writable
	rm -rf -- target logs dbt_packages .mypy_cache .pytest_cache .ruff_cache
	@[ ! -e "$${PITWALL_DATA:-data}/.pitwall" ] || rm -rf -- "$${PITWALL_DATA:-data}/.build"

# The environment. Copies of the lock files in .venv/ record what is installed. `all` includes every other set.

core dev all $(EXTRAS:%=%-extra): .venv/bin/python
	@made=$$(sed -n 's/^command = .* --clear //p' .venv/pyvenv.cfg); [ -z "$$made" ] || [ .venv -ef "$$made" ] || { \
	    echo "The programs in .venv do not start, because it was made as $$made. Remove it, then start again." >&2; exit 2; }
	@cmp -s requirements/$(@:-extra=).txt .venv/$(@:-extra=).txt || \
	    .venv/bin/python scripts/install_requirements.py $(@:-extra=)

# The pages of MLflow, and Airflow, are in environments of their own: they need other versions than dbt.
mlflow-pages: .venv-mlflow/bin/python
	@cmp -s requirements/mlflow.txt .venv-mlflow/mlflow.txt || \
	    .venv-mlflow/bin/python scripts/install_requirements.py mlflow

airflow-env: .venv-airflow/bin/python
	@cmp -s requirements/airflow.txt .venv-airflow/airflow.txt || \
	    .venv-airflow/bin/python scripts/install_requirements.py airflow

.venv-mlflow/bin/python .venv-airflow/bin/python: .venv/bin/python
	@$(IS_WRITABLE)
	@.venv/bin/python -m venv --clear $(@:/bin/python=)

# pip uses one core, so the packages of the tests and Airflow are installed at once.
environments: writable .venv/bin/python
	@$(MAKE) --no-print-directory airflow-env & airflow=$$!; \
	trap 'kill $$airflow 2> /dev/null' EXIT; trap 'exit 130' INT TERM; \
	$(MAKE) --no-print-directory all; failed=$$?; wait $$airflow || failed=$$?; exit $$failed

packages: core $(if $(value PITWALL_LAKE),s3-extra)
	@.venv/bin/python scripts/setup_packages.py

# Before the packages of an engine are installed.
engine: .venv/bin/python
	@.venv/bin/python scripts/check_engine.py -- "$${ENGINE:-duckdb}"

writable:
	@$(IS_WRITABLE)

workers:
	@case "$${WORKERS:-logical}" in \
	    auto | logical) ;; \
	    *[!0-9]*) echo "WORKERS=$$WORKERS: is no number of processes; name one, or logical for one per core" >&2; exit 2 ;; \
	esac

.venv/bin/python:
	@$(IS_WRITABLE)
	@for python in $(if $(value PYTHON),"$$PYTHON",python3.13 python3.12 python3.11 python3); do \
	    "$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	        2> /dev/null || continue; \
	    echo "Making .venv from $$python ..."; \
	    said=$$("$$python" -m venv --clear .venv 2>&1) && said=$$(.venv/bin/pip --version 2>&1) && exit; \
	    rm -rf .venv; \
	done; \
	if [ "$$said" ]; then \
	    echo "$$(pwd)/.venv cannot be made ($$(echo "$$said" | tail -n 1)). If this path has unusual characters, move the project." >&2; \
	    exit 2; \
	fi; \
	echo 'Pitwall needs Python 3.11, 3.12 or 3.13 with its venv module (on Debian: apt install python3-venv).' \
	    $(if $(value PYTHON),"PYTHON=$$PYTHON is none.",'None was found; name one with PYTHON=/path/to/python.') >&2; \
	exit 2
