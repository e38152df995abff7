# Every task of this repository. `make help` lists them.
PYTHON ?= python3.11
PORT ?= 8080
DATA ?= data
VENV := .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv
SERVICES := $(notdir $(patsubst %/pyproject.toml,%,$(wildcard services/*/pyproject.toml)))
OWN := libs/common $(SERVICES:%=services/%)
space := $(subst ,, )
export UV_LINK_MODE ?= copy
# Compiled once here: else every process of the tests, and the first start, compiles what it imports (6 s instead of 3).
export UV_COMPILE_BYTECODE ?= 1

.DEFAULT_GOAL := help
.PHONY: help run tour real stop start service backup restore secrets test test-upgrade test-compose released test-faults test-k8s check check-full bench load dashboards format lint types contracts lock schemas settings clean

help: ## list every target
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(VENV)/.run: requirements/run.txt requirements/bootstrap.txt $(OWN:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; assert sys.version_info[:2] >= (3, 11)' || { echo "Suizhuan needs Python 3.11 or newer as $(PYTHON). 需要 Python 3.11 或更高版本。"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { echo "python -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
	@test -x $(UV) || $(VENV)/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@echo "installing Python packages into $(VENV) / 正在安装 Python 包"
	@$(UV) pip install -q --python $(PY) --require-hashes -r requirements/run.txt
	@$(UV) pip install -q --python $(PY) --no-deps --no-build-isolation $(OWN:%=-e %)
	@$(PY) -m compileall -q $(OWN) deploy
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@$(UV) pip install -q --python $(PY) --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.dev requirements/bench.txt
	@$(UV) pip install -q --python $(PY) --require-hashes -r requirements/bench.txt
	@touch $@

$(VENV)/.load: $(VENV)/.dev requirements/load.txt
	@$(UV) pip install -q --python $(PY) --require-hashes -r requirements/load.txt
	@touch $@

run: $(VENV)/.run ## the embedded profile: every service in one process (PORT=, DATA=)
	@exec $(PY) -m deploy.embedded --port $(PORT) --data $(DATA)

tour: $(VENV)/.run ## the story, told beside a running `make run` (BASE=, ISSUER=, DATA=, LANG=en)
	@BASE="$(BASE)" ISSUER="$(ISSUER)" LANG="$(LANG)" $(PY) -m deploy.tour --data $(DATA)

real: $(VENV)/.run ## the real profile here: a process per service (KAFKA=, POSTGRES=, REDIS=, DATA=)
	@exec $(PY) -m deploy.local.platform --data $(DATA)/real $(if $(KAFKA),--kafka $(KAFKA)) $(if $(POSTGRES),--postgres $(POSTGRES)) $(if $(REDIS),--redis $(REDIS))

CONTROL = $(PY) -m deploy.local.control --data $(DATA)/real
stop: $(VENV)/.run ## beside `make real`: one service or server stops, the others go on (SERVICE=, DATA=)
	@$(CONTROL) stop $(SERVICE)

start: $(VENV)/.run ## beside `make real`: it starts again (SERVICE=, DATA=)
	@$(CONTROL) start $(SERVICE)

service: $(VENV)/.run ## a service's own command, on the real profile's data (SERVICE=, DO="dead-letters", DATA=)
	@$(CONTROL) run $(SERVICE) $(DO)

backup: $(VENV)/.run ## one service's data into a file, while it works on (SERVICE=, FILE=, DATA=)
	@$(CONTROL) run $(SERVICE) backup $(FILE)

restore: $(VENV)/.run ## a backup of a service that is stopped in the place of its data (SERVICE=, FILE=, YES=--yes, DATA=)
	@$(CONTROL) run $(SERVICE) restore $(FILE) $(YES)

test: $(VENV)/.dev ## all tests, on real Kafka, PostgreSQL and Redis
	$(PY) -m deploy.testing $(PYTEST_ARGS)

check: $(VENV)/.dev format lint types contracts ## what CI runs: format, lint, types, import contracts, tests
	$(MAKE) test

check-full: check ## check, and what takes longer
	$(MAKE) test PYTEST_ARGS="-m slow"

test-upgrade: $(VENV)/.dev ## under load: an upgrade, a backup restored, Kafka's data lost, a service taken over (minutes)
	$(MAKE) test PYTEST_ARGS="-q -m slow -n 0 tests/faults"

released: $(VENV)/.run ## note the migrations of the release that stands uppermost in docs/releases.md
	$(PY) -m tests.contract.released

test-faults: $(VENV)/.dev ## processes killed, servers restarted under load, for five minutes (SEED=, SECONDS=)
	$(PY) -m tests.faults $(if $(SEED),--seed $(SEED)) $(if $(SECONDS),--seconds $(SECONDS))

test-k8s: $(VENV)/.dev ## k8s/ on a real Kubernetes (MINI_K8S= makes one; SEED=, SECONDS=)
	$(PY) -m tests.k8s $(if $(SEED),--seed $(SEED)) $(if $(SECONDS),--seconds $(SECONDS))

secrets: ## passwords for docker-compose.yml, each in a file of its own (deploy/docker/secrets)
	@$(PYTHON) -m deploy.docker.passwords

test-compose: $(VENV)/.dev ## docker-compose.yml for real: its story, its parts killed, its walls; and servers by testcontainers
	SUIZHUAN_TEST_CONTAINERS=1 $(PY) -m pytest -q -m slow tests/compose $(PYTEST_ARGS)
	SUIZHUAN_TEST_SERVERS=containers CI=true $(MAKE) test PYTEST_ARGS="-n 2 -q libs/common/tests/test_kafka_log.py libs/common/tests/test_postgres_database.py libs/common/tests/test_cache.py"

bench: $(VENV)/.bench ## our path against its peers, in one run (ONLY=relay); writes bench/results.json
	$(PY) -m bench.run $(ONLY)

load: $(VENV)/.load ## complaints from report to closure beside a running platform (BASE=, ISSUER=, RATE=, USERS=, SECONDS=)
	@$(PY) -m deploy.load --data $(DATA) $(if $(BASE),--base $(BASE)) $(if $(ISSUER),--issuer $(ISSUER)) $(if $(RATE),--rate $(RATE)) $(if $(USERS),--users $(USERS)) $(if $(SECONDS),--seconds $(SECONDS))

dashboards: $(VENV)/.dev ## write deploy/grafana/dashboards from the code
	$(PY) -m deploy.grafana

format: $(VENV)/.dev ## formatting is as ruff writes it
	$(VENV)/bin/ruff format --check .

lint: $(VENV)/.dev ## ruff's rules
	$(VENV)/bin/ruff check .

types: $(VENV)/.dev ## mypy, strict
	MYPYPATH=$(subst $(space),:,$(OWN)):. $(VENV)/bin/mypy libs/common/suizhuan $(foreach s,$(SERVICES),services/$s/$s) deploy bench

contracts: $(VENV)/.dev ## the walls between services and around the pure domain
	PYTHONPATH=. $(VENV)/bin/lint-imports --no-cache

lock: $(VENV)/.run ## compile requirements/*.in to hashed lock files
	cd requirements && for f in bootstrap run dev bench load; do ../$(UV) pip compile --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header -q -o $$f.txt $$f.in; done

schemas: $(VENV)/.run ## write docs/schemas from the code (refuses a breaking change)
	$(PY) -m deploy.schemas

settings: $(VENV)/.run ## write docs/settings.md from the code
	$(PY) -m suizhuan.settings_reference $(SERVICES:%=%.settings:Settings)

clean: ## remove what was installed and started here (not the data folder)
	rm -rf $(VENV) .local .mypy_cache .ruff_cache
