# `make run` starts the server, `make test` runs every test; both install what they need first.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -q --require-hashes
# A folder has no hash, and so no place in a lock: it is installed beside it, by what the lock has brought.
CLIENT := $(BIN)/python -m pip --disable-pip-version-check install -q --no-deps --no-build-isolation
LOCK := CUSTOM_COMPILE_COMMAND="make lock" .venv/lock/bin/pip-compile -q --generate-hashes --unsafe-package voice-agent-client \
	--strip-extras --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

# Where the environments of other people's clients are made.
CLIENTS ?= .venv/clients

# Whether a Python is one that this needs; another one would end in a hundred lines of pip's.
NEW_ENOUGH := -c "import sys; sys.exit(sys.version_info < (3, 11))"

.PHONY: run voice llama test test-quick check lint types format bench bench-voice attack clients talks fleet-talks fleet-kills fleet-deploy soak fuzz audit docs browser lock help

help: ## Shows the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

run: .venv/run ## Starts the server on http://127.0.0.1:8000/; speech is installed behind it (VOICE=0: text alone)
	$(BIN)/python main.py --install-voice

voice: .venv/run ## Installs what speech needs: packages and models
	$(BIN)/python -m app.voice.install

test: .venv/dev browser node_modules ## Runs all tests, several at once (ARGS="tests/llm -k retry" for some, ARGS=--help)
	$(BIN)/python -m tests.run $(ARGS)

test-quick: .venv/dev ## Runs the tests of the core alone: no browsers, servers of their own, or voice models
	$(BIN)/python -m tests.run --quick $(ARGS)

check: lint types test ## What CI runs

lint: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/dev
	$(BIN)/pyright

format: .venv/dev ## Formats the code and mends what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev ## Measures CPU per token, added latency and memory, and prints the table
	$(BIN)/python -m bench $(ARGS)

bench-voice: .venv/dev ## Measures recognition on people, and spoken talks in real time (about an hour; ARGS="--most 3" for less)
	-$(BIN)/python -m bench.voice.recognition --people --rounds 1
	-$(BIN)/python -m bench.voice.pauses --stretch 0,600
	-$(BIN)/python -m bench.voice.belief
	$(BIN)/python -m bench.voice.silent_talks
	$(BIN)/python -m bench.voice.make_corpus
	$(BIN)/python -m bench.voice $(ARGS)
	$(BIN)/python -m bench.voice --azure $(ARGS)

attack: .venv/dev ## Attacks a server here, and measures what others notice (about five minutes; ARGS="--kinds each")
	$(BIN)/python -m bench.attack $(ARGS)

clients: .venv/dev browser ## Has clients of the OpenAI Realtime API and a telephone network that others wrote talk to the server (CLIENTS=folder of their environments)
	for name in agents livekit pipecat phone; do \
		file=tests/clients/environments/$$name.txt; at=$(CLIENTS)/$$name; \
		cmp -s $$file $$at/made-of.txt || { rm -rf $$at && $(PYTHON) -m venv $$at && $$at/bin/python -m pip --disable-pip-version-check \
			install -q -r $$file && cp $$file $$at/made-of.txt; } || exit 1; \
	done
	mkdir -p $(CLIENTS)/node && cp tests/clients/environments/node/package.json $(CLIENTS)/node/ \
		&& cd $(CLIENTS)/node && npm install --no-audit --no-fund --loglevel=error
	CLIENTS_DIR=$(abspath $(CLIENTS)) CLIENTS_REQUIRED=1 $(BIN)/python -m pytest -q tests/clients

talks: .venv/dev ## Holds N generated talks over a network that breaks (N=10000 ARGS="--processes 3")
	$(BIN)/python -m tests.talks $(or $(N),10000) $(ARGS)

fleet-talks: .venv/dev ## Holds talks over a fleet of which everything breaks, and judges each (N=10000 ARGS="--processes 2 --pace 0.2")
	$(BIN)/python -m tests.fleet.mix $(or $(N),1000) $(ARGS)

fleet-kills: .venv/dev ## Kills processes of a fleet one after the other, while talks go on over all of them (N=1000)
	$(BIN)/python -m tests.fleet.kills $(or $(N),1000) $(ARGS)

fleet-deploy: .venv/dev ## Replaces each process of a fleet in turn, while talks go on over all of them (ARGS="--talks 300 --balancer nginx")
	$(BIN)/python -m tests.fleet.rolling $(ARGS)

soak: .venv/dev ## Holds talks while everything breaks (MINUTES=10 SESSIONS=300 ONLY=talks|idle|storm|leak)
	$(BIN)/python -m tests.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SESSIONS),--sessions $(SESSIONS)) \
		$(if $(ONLY),--only $(ONLY)) $(ARGS)

fuzz: .venv/dev ## Sends N drawn messages to a real server (N=200000)
	$(BIN)/python -m tests.fuzz $(or $(N),200000)

llama: .venv/dev ## Fetches a real llama.cpp and a small model (half a gigabyte) for the tests that need them
	$(BIN)/python -m tests.install_llama

audit: .venv/dev ## Looks up the advisories of all packages, where they can be had
	-$(PYTHON) -m venv .venv/audit && .venv/audit/bin/python -m pip --disable-pip-version-check install -q pip-audit
	$(BIN)/python -m tests.audit .venv/audit/bin/pip-audit

docs: .venv/dev ## Renews docs/asyncapi.yaml from the models
	$(BIN)/python -m app.protocol.asyncapi

lock: ## Locks what requirements*.ini names and is not locked yet (ARGS=--upgrade: all of today's releases)
	test -x .venv/lock/bin/pip-compile || { rm -rf .venv/lock && $(PYTHON) -m venv .venv/lock \
		&& .venv/lock/bin/python -m pip --disable-pip-version-check install -q pip-tools; }
	$(LOCK) $(ARGS) -o requirements-dev.lock requirements-dev.ini
	for part in requirements requirements-voice requirements-otel; do \
		cp requirements-dev.lock $$part.lock && $(LOCK) -o $$part.lock $$part.ini || exit 1; \
	done

.venv/bin/python:
	@$(PYTHON) $(NEW_ENOUGH) 2>/dev/null || { found=$$($(PYTHON) -V 2>/dev/null || echo missing); \
		echo "This needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is $$found. Name another one, as in: make run PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv || $(PYTHON) -m venv --without-pip .venv

.venv/run: .venv/bin/python requirements.lock $(wildcard clients/python/pyproject.toml)
	@$(BIN)/python $(NEW_ENOUGH) || { rm -rf .venv && $(MAKE) --no-print-directory .venv/bin/python; }
	@$(BIN)/python -c "import platform, sys; odd = ['an Intel Mac'] * (platform.system() == 'Darwin' and platform.machine() == 'x86_64') \
		+ ['Python 3.14 or newer'] * (sys.version_info >= (3, 14)); odd and print(f'{\", \".join(odd)}: some packages have no wheels here, see Quick start in README.md')"
	$(PIP) -r requirements.lock
	$(CLIENT) -e ./clients/python
	@touch $@

.venv/dev: .venv/run requirements-dev.lock
	$(PIP) -r requirements-dev.lock
	@touch $@

# Browser and Node tests are skipped with a reason where these cannot be had.
browser:
	@sh tests/install_tools.sh

node_modules: browser package.json
	@if command -v npm >/dev/null; then npm install --no-audit --no-fund --silent && touch $@; \
	 else echo "npm is missing: the tests of the JavaScript client are skipped"; fi
