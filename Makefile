# Everything here sets itself up: system packages (as root, only those that are missing), the virtual environment, the lab.
PYTHON ?= python3
VENV   := .venv
STAMP  := $(VENV)/.stamp
BIN    := $(VENV)/bin
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

.PHONY: help docs kernel-test install install-lab uninstall demo ready test test-all test-rest unit lab-test lint captures bench agree fuzz screenshots test-engines translations setup setup-bpftrace setup-firewalls setup-browser setup-shells clean
help:
	@echo "make install   netprobe for root and all users: in /opt/netprobe (PREFIX=), on the PATH by a link in /usr/local/bin (BINDIR=)"
	@echo "make uninstall remove that"
	@echo "make demo      explain a container connection in a lab of two real Docker hosts"
	@echo "make test      unit, replay of captures/, and (as root) live: of one of each cause, finding and path half, and what changed"
	@echo "make test-all  the same, with all of the lab's tests and experiments"
	@echo "make unit      what of it needs no lab, and no root"
	@echo "make test-engines  the truth table with Docker Engine 28 (of Debian sid: downloads it once, some minutes)"
	@echo "make kernel-test   random rulesets on a real router (namespaces of its own), held against what netprobe says of them"
	@echo "make lint      ruff and mypy --strict"
	@echo "make captures  record captures/ again, in the lab"
	@echo "make bench     print the measures"
	@echo "make agree DIR=…  hold what is decoded against tshark, in public collections of captures (tools/collections.txt) that are kept in DIR"
	@echo "make fuzz      bytes that nobody thought of, to the readers and decoders, for five minutes (TIME=seconds); needs atheris, from PyPI"
	@echo "make screenshots  docs/*.webp: pictures of the pages that --html writes, taken in Chromium"
	@echo "make translations  bring the catalogues of other languages (locale/) up to date, and compile them"
	@echo "make docs      the docs as pages for browsers, in build/docs/site"
	@echo "make clean     take the lab down, remove what the above made here"

# PREFIX, BINDIR, DESTDIR and PYTHON are tools/install's own.
export PREFIX BINDIR DESTDIR COMPILE
install:
	@PYTHON=$(PYTHON) tools/install

install-lab:
	@PYTHON=$(PYTHON) tools/install . ./netprobe_lab

uninstall:
	@tools/install --uninstall

# A machine that lacks packages and cannot get them still runs what needs none; each target says what it misses.
setup:
	@PYTHON=$(PYTHON) tools/setup || echo "setup: going on with what is there" >&2

# For what asks the kernel for drop reasons; without it those tests are skipped.
setup-bpftrace: setup
	@PYTHON=$(PYTHON) tools/setup bpftrace || echo "setup: going on without bpftrace" >&2

# The firewall programs that some experiments start on the lab's hosts (never on this machine); without them those are left out.
setup-firewalls: setup
	@PYTHON=$(PYTHON) tools/setup ufw firewall-cmd:firewalld fail2ban-client:fail2ban || echo "setup: going on without firewall programs" >&2

# For pages (explain --html): they are tested in a real browser; without it those tests are skipped.
setup-browser: setup
	@PYTHON=$(PYTHON) tools/setup chromium chromedriver:chromium-driver || echo "setup: going on without a browser" >&2

# The shells that completion is tested in; without one its test is skipped, and says so.
setup-shells: setup
	@PYTHON=$(PYTHON) tools/setup zsh fish groff:groff-base || echo "setup: going on without zsh and fish" >&2

$(STAMP): pyproject.toml | setup
	@$(PYTHON) -c 'import sys; sys.exit("netprobe needs Python 3.11 or later" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: setup $(STAMP)
	@$(BIN)/python tools/demo.py

# All that the tests need, and nothing else: so that its time can be told from theirs.
ready: setup-bpftrace setup-firewalls setup-browser setup-shells $(STAMP)

test: ready
	@$(BIN)/python tools/suite.py test

# Besides, it writes tests/proved.json: which experiments are proved as they stand, so that `make test` runs those that are not.
test-all: ready
	@$(BIN)/python tools/suite.py all

test-rest: ready
	@$(BIN)/python tools/suite.py rest

unit: $(STAMP)
	@$(BIN)/python tools/suite.py unit

lab-test: ready
	@$(BIN)/python tools/suite.py live

# Outside `make test`: it builds a root file system of Debian sid once, and runs the engines from there.
test-engines: setup $(STAMP)
	@tools/setup debootstrap
	@$(BIN)/python tools/engines.py

# As root, several minutes. Another seed each time; SEED=… makes the same rulesets again.
kernel-test: setup $(STAMP)
	@$(BIN)/python tools/kernel_test.py $(if $(SEED),--seed $(SEED))

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

captures: setup-bpftrace setup-firewalls $(STAMP)
	@$(BIN)/python tools/captures.py

# tcptrace and nfstream (from PyPI, in an environment of its own) are measured beside netprobe flows; without one that is left out. LARGE=1: files of several GB too, which are removed again.
bench: setup $(STAMP)
	@tools/setup tcptrace || echo "bench: going on without tcptrace" >&2
	@$(BIN)/python tools/bench.py $(if $(LARGE),--large)

# Outside `make test` and CI: the collections are not in this repository. What is missing in DIR is said, with the commands that get it.
agree: setup $(STAMP)
	@$(BIN)/python tools/agree.py $(or $(DIR),build/collections)

# Outside `make test`, which tries tests/corpus alone. What is found is kept in build/fuzz. It ends with tools/bounds.py.
fuzz: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@$(BIN)/python tools/fuzz.py $(if $(TIME),--seconds $(TIME))

# Pictures of pages, for the docs, from recorded runs.
screenshots: setup-browser $(STAMP)
	@$(BIN)/python tools/screenshots.py

# After texts were added or changed: brings the catalogues of other languages up to date, and says what has no translation yet.
translations: $(STAMP)
	@$(BIN)/python tools/catalogues.py

# Into build/docs/site: a page a command and a cause. What is on them is made of the code each time, so that nothing of it is committed.
docs: $(STAMP)
	@$(BIN)/python tools/docs_site.py

clean:
	@if [ -x $(BIN)/netprobe ] && [ "$$(id -u)" -eq 0 ]; then $(BIN)/netprobe lab down; fi
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find netprobe netprobe_lab tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
