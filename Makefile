# Everything a person or a build server does here. Needs only python3 (3.11 or later), pip and make.
# The environment is .venv/; nothing is installed outside this folder.

PYTHON ?= python3
JOBS ?= 4

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
BASE := not slow and not browser and not clock and not other_engine and not terminal
REST ?= slow or browser or clock or other_engine or terminal

# Tests write some thousand small databases, so they run in memory where that is allowed and has 2 GiB to spare.
ROOM = $$(if [ -n "$$ROOM" ]; then echo "$$ROOM"; \
  elif [ -w /dev/shm ] && [ "$$(df -Pk /dev/shm | awk 'NR == 2 { print $$4 }')" -gt 2097152 ] && \
  ! grep -q ' /dev/shm [^ ]* [^ ]*noexec' /proc/mounts; then echo /dev/shm; else echo /tmp; fi)
# Each run of the tests has a temporary folder of its own, with a short name because the path of a socket has at
# most 107 bytes, and takes it away afterwards. Bytecode is kept whatever the shell says: reading the tests takes long.
IN_OWN_TMPDIR = tmp=$$(mktemp -d "$(ROOM)/dv-XXXXXX") && trap 'rm -rf "$$tmp"' EXIT && \
  trap 'exit 130' INT TERM && PYTHONDONTWRITEBYTECODE= TMPDIR=$$tmp

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-reset demo-codes smoke test test-again test-rest test-all tools check bench lock clean
.DELETE_ON_ERROR:

help:  ## 显示本帮助 · show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.run  ## 准备运行环境 .venv/ · set up .venv/

demo: setup  ## 试用：装好、导入合成数据、在本机启动 · try it: set up, load synthetic data, serve on loopback
	@exec $(BIN)/datavault demo

demo-reset: setup  ## 删除演示库，重新开始 · delete the demo vault and begin again
	@exec $(BIN)/datavault demo --reset

demo-codes: setup  ## 显示演示账号此刻的验证码 · the demo accounts' second-factor codes of this moment
	@exec $(BIN)/datavault demo --codes

smoke: setup  ## 无人值守走一遍演示流程 · walk through it unattended, on a throw-away vault
	@$(BIN)/python ops/smoke.py

test: $(VENV)/.test  ## 测试（SQLite 与 PostgreSQL，5 分钟内） · tests on SQLite and PostgreSQL, within 5 minutes
	@$(IN_OWN_TMPDIR) $(BIN)/python -m pytest -n $(JOBS) -m "$(BASE)"
	@echo "left out: walks on PostgreSQL, commands at the terminal, and tests marked slow, browser or clock; make test-all runs them"

# What failed last time, again and alone: for a build server that is to tell a wrong test from a busy machine.
test-again: $(VENV)/.test
	@$(IN_OWN_TMPDIR) $(BIN)/python -m pytest --last-failed --last-failed-no-failures none -m "not slow"

# What `make test` leaves out, or a part of it: make test-rest REST=slow
test-rest: $(VENV)/.test
	@$(IN_OWN_TMPDIR) $(BIN)/python -m pytest -n $(JOBS) -m "$(REST)"

test-all: tools test test-rest  ## 全部测试（另需 ops/test-packages.txt） · every test (needs ops/test-packages.txt)

tools:
	@for tool in chromium faketime; do command -v $$tool >/dev/null || { \
	  echo "$$tool is missing: install the packages of ops/test-packages.txt" >&2; exit 1; }; done

check: $(VENV)/.test  ## 代码与制度规则检查 · gates: lint, format, types, security, rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/bandit -q -r vault -c pyproject.toml
	$(BIN)/datavault policy check

bench: $(VENV)/.test  ## 性能对比 · measure the ratios of docs/benchmarks.md
	@ROOM=/tmp && $(IN_OWN_TMPDIR) $(BIN)/python -m tests.bench  # on a disk: what a commit costs is part of it

LOCK = uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
  --default-index https://pypi.org/simple --no-emit-index-url --custom-compile-command "make lock"
lock:  ## 重新锁定依赖（需要 uv） · lock the dependencies again (needs uv)
	@command -v uv >/dev/null || { echo "uv is missing: pip install uv" >&2; exit 1; }
	$(LOCK) pyproject.toml --output-file requirements/run.txt
	$(LOCK) pyproject.toml --group test --constraints requirements/run.txt --output-file requirements/test.txt
	echo virtualenv | $(LOCK) - --output-file requirements/boot.txt

clean:  ## 删除环境与缓存，保留演示库 · remove the environment and caches, keep the demo vault
	rm -rf $(VENV) .boot .hypothesis .mypy_cache .ruff_cache .pytest_cache build dist
	find . -name __pycache__ -prune -exec rm -rf {} +

# -- the environment ---------------------------------------------------------------------------------------------

# Debian without python3-venv has a venv that fails; virtualenv, kept in .boot/, brings its own pip.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is older than 3.11; name another one: make PYTHON=python3.11" >&2; exit 1; }
	@echo "setting up $(VENV)/ (once)"
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 && $(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  rm -rf $(VENV) .boot && \
	  $(PYTHON) -m pip install --quiet --disable-pip-version-check --target .boot \
	    --require-hashes --only-binary :all: -r requirements/boot.txt && \
	  PYTHONPATH=.boot $(PYTHON) -m virtualenv --quiet --no-download $(VENV); }

# The checkout itself is not installed: a path file finds it, so an edit needs no second step.
$(VENV)/.run: requirements/run.txt Makefile | $(BIN)/python
	@$(PIP) -r requirements/run.txt
	@$(BIN)/python -c 'import pathlib, sysconfig; \
	  site = pathlib.Path(sysconfig.get_path("purelib")); \
	  (site / "datavault.pth").write_text("../" * len(site.relative_to(pathlib.Path.cwd()).parts) + "\n")'
	@printf '%s\n' '#!/bin/sh' 'exec "$$(dirname "$$(readlink -f "$$0")")/python" -P -m vault "$$@"' > $(BIN)/datavault
	@chmod 755 $(BIN)/datavault
	@$(BIN)/python -m compileall -q vault migrations
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.run
	@$(PIP) -r requirements/test.txt
	@touch $@
