# kinescale - `make help` says what can be made.
#
# Sources are found, not listed.  Each flavour has its own objects below build/: release, asan, tsan,
# analyzer, fuzz.

FLAVOUR ?= release
O       ?= build
BUILD    = $(O)/$(FLAVOUR)
VERSION := 0.1.0
JOBS    ?= $(shell nproc)
FUZZ_SECONDS ?= 60
# A line a file; V=1 shows the commands, -s nothing.
SAYS = $(if $(V),,@$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,echo "  cc $@";))
# How much may go wrong in one run of the model: 2 takes seconds, 4 a minute, 5 several and 2 GiB.
MODEL_LUCK ?= 4
# Simulated days and streams; a third number is the seed.
SOAK ?= 30x100x1 30x100x2

prefix     ?= /usr/local
bindir     ?= $(prefix)/bin
sysconfdir ?= $(prefix)/etc
docdir     ?= $(prefix)/share/doc/kinescale
datadir    ?= $(prefix)/share/kinescale
unitdir    ?= $(prefix)/lib/systemd/system

PACKAGES = libcurl openssl libcjson libmicrohttpd sqlite3 expat yaml-0.1

CFLAGS_common   = -std=gnu11 -D_GNU_SOURCE -DKINESCALE_VERSION='"$(VERSION)"' -Iinclude -Itests/support \
                  -I$(BUILD)/generated -include base/banned.h -MMD -MP -g -fno-common -pthread \
                  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
                  -Wold-style-definition -Wwrite-strings -Wpointer-arith -Wvla -Wformat=2 -Wundef \
                  -Wcast-align -Wno-missing-field-initializers
CFLAGS_release  = -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fcf-protection -fstack-clash-protection
CFLAGS_asan     = -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan     = -O1 -fsanitize=thread -fno-omit-frame-pointer
# base/error.h tells analyzers what a failing call returns, used or not; clang's defines the macro by itself.
CFLAGS_analyzer = -O1 -fanalyzer -D__clang_analyzer__ -Wno-unused-value
# Comparisons are not traced but for those of strings: of single bytes they say little and take half the time.
CFLAGS_fuzz     = -O2 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
                  -fno-sanitize-coverage=trace-cmp
LDFLAGS_release = -pie -Wl,-z,relro,-z,now,-z,noexecstack

ALL_CFLAGS  = $(CFLAGS_common) $(CFLAGS_$(FLAVOUR)) $(PACKAGE_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS)
LIBS        = $(shell pkg-config --libs $(PACKAGES)) -lm -pthread
CHECK_LIBS  = $(shell pkg-config --libs check)
PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)

SOURCES = $(sort $(wildcard src/*/*.c))
LIBRARY = $(BUILD)/libkinescale.a
SUPPORT = $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/support/*.c)))
TESTS   = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
# Those that start threads, or a server that does: what ThreadSanitizer is for.
THREADED = $(patsubst tests/unit/%.c,$(O)/tsan/tests/%,$(shell grep -lE 'pthread|http/server|sim_server' tests/unit/*.c))
FUZZERS = $(patsubst tests/fuzz/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
# In the order in which src/engine/templates.c has them.
TEMPLATES = cfn/service.yaml cfn/stream.yaml
GENERATED = $(BUILD)/generated/migrations.inc $(BUILD)/generated/templates.inc $(BUILD)/generated/report.inc
UNITS   = kinescale.service kinescale-scale-down.service kinescale-scale-down.timer
BENCHES = $(patsubst tests/bench/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/bench/bench_*.c)))
BED     = $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/bench/bench_%,$(wildcard tests/bench/*.c)) tests/support/aws_request.c)
FORMATTED = $(shell find src include tests -name node_modules -prune -o -name '*.[ch]' -print)

# A sub-make shares the jobs of a `make -j`, else it gets its own.
SUBMAKE = +$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

.PHONY: all demo unit test programs check deps layers format format-check scripts tidy cppcheck tsan valgrind fuzz bench model mutants report-test soak \
        install uninstall clean help
.SECONDARY:
.DELETE_ON_ERROR:

all: $(BUILD)/kinescale ## the program: build/kinescale
	$(if $(filter release,$(FLAVOUR)),@ln -sfn release/kinescale $(O)/kinescale)

$(BUILD)/kinescale: $(BUILD)/src/main.o $(LIBRARY)
	$(SAYS) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(LIBRARY): $(SOURCES:%.c=$(BUILD)/%.o)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/tests/test_%: $(BUILD)/tests/unit/test_%.o $(SUPPORT) $(LIBRARY)
	@mkdir -p $(@D)
	$(SAYS) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(CHECK_LIBS)

# A fuzzer with libFuzzer in the flavour fuzz, else a program that replays the inputs it is given.
$(BUILD)/tests/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(if $(filter fuzz,$(FLAVOUR)),,$(BUILD)/tests/fuzz/replay.o) $(LIBRARY)
	@mkdir -p $(@D)
	$(SAYS) $(CC) $(ALL_CFLAGS) $(if $(filter fuzz,$(FLAVOUR)),-fsanitize=fuzzer) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/explore: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/model/*.c)) $(LIBRARY)
	@mkdir -p $(@D)
	$(SAYS) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/bench_%: $(BUILD)/tests/bench/bench_%.o $(BED) $(LIBRARY)
	@mkdir -p $(@D)
	$(SAYS) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(SAYS) $(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/src/store/migrate.o: $(BUILD)/generated/migrations.inc
$(BUILD)/generated/migrations.inc: $(wildcard migrations/*.sql) tools/embed-migrations tools/embed
	@mkdir -p $(@D)
	tools/embed-migrations migrations > $@

$(BUILD)/src/engine/templates.o: $(BUILD)/generated/templates.inc
$(BUILD)/generated/templates.inc: $(TEMPLATES) tools/embed
	@mkdir -p $(@D)
	tools/embed $(TEMPLATES) > $@

$(BUILD)/src/cli/report.o: $(BUILD)/generated/report.inc
$(BUILD)/generated/report.inc: src/cli/report.css tools/embed
	@mkdir -p $(@D)
	tools/embed src/cli/report.css > $@

demo: ## installs what is missing, builds, and shows the program at work on a simulated AWS
	tools/bootstrap build
	$(SUBMAKE) FLAVOUR=release all
	$(O)/kinescale demo

programs: $(BUILD)/kinescale $(TESTS) $(FUZZERS) ## the program and all test programs of one flavour

unit: $(TESTS) ## the unit tests, one after the other
	@for t in $^; do ./$$t || exit 1; done

test: programs ## all tests of one flavour: make test FLAVOUR=asan
	tests/run $(BUILD)

check: ## all a change must pass
	tools/bootstrap test
	$(SUBMAKE) layers format-check scripts cppcheck
	$(SUBMAKE) FLAVOUR=release all
	$(SUBMAKE) FLAVOUR=release MODEL_LUCK=2 model
	$(SUBMAKE) CC=clang O=$(O)/clang all
	$(SUBMAKE) FLAVOUR=asan programs
	$(SUBMAKE) FLAVOUR=tsan $(O)/tsan/kinescale $(THREADED)
	tests/run $(O)/asan $(O)/tsan=daemon $(THREADED)

tsan: ## the tests with threads in them, under ThreadSanitizer
	$(SUBMAKE) FLAVOUR=tsan $(O)/tsan/kinescale $(THREADED)
	tests/run $(O)/tsan=daemon $(THREADED)

deps: ## the packages the program needs (tools/bootstrap test: those of the tests too)
	tools/bootstrap build

layers: ## who includes whom, how long files and functions are
	tools/check-layers

format: ## writes the one look
	clang-format -i $(FORMATTED)

format-check: ## fails when `make format` would change something
	clang-format --dry-run -Werror $(FORMATTED)

scripts: ## shellcheck
	shellcheck $$(grep -lE '^#!/bin/(ba)?sh' tools/* .ci/*)

tidy: $(GENERATED) ## clang-tidy (.clang-tidy) and gcc's -fanalyzer
	printf '%s\n' src/main.c $(SOURCES) | xargs -P$(JOBS) -I{} clang-tidy --quiet {} -- $(filter-out -M%,$(ALL_CFLAGS))
	$(SUBMAKE) FLAVOUR=analyzer $(O)/analyzer/src/main.o $(O)/analyzer/libkinescale.a

cppcheck: $(GENERATED) ## cppcheck (.cppcheck: what it is not asked, and why)
	cppcheck --quiet -j$(JOBS) --enable=warning,performance,portability,style --inline-suppr --error-exitcode=1 \
	    --std=c11 --library=posix,gnu --suppressions-list=.cppcheck -Iinclude -I$(BUILD)/generated -D_GNU_SOURCE \
	    -DKINESCALE_VERSION='""' --include=include/base/banned.h --include=tools/cppcheck.h src

# The others live through a day within seconds, race two daemons or start a hundred: memcheck is too slow for those.
MEMCHECKED = $(patsubst %,tests/daemon/test_%.py,admin hostile main_job provision reload shard_level tls trouble)
valgrind: $(O)/release/kinescale ## most tests of the daemon under valgrind's memcheck
	@mkdir -p $(O)/valgrind && ln -sfn ../../tools/memcheck $(O)/valgrind/kinescale
	@for t in $(MEMCHECKED); do tests/run $(O)/valgrind=daemon --only $$t --timeout 1800 || exit 1; done

fuzz: ## every fuzzer for FUZZ_SECONDS (60); what it finds stays in tests/fuzz/found/, how often it ran in tests/fuzz/executions
	$(SUBMAKE) CC=clang FLAVOUR=fuzz $(FUZZERS:$(BUILD)/%=$(O)/fuzz/%)
	tests/run-fuzzers $(O)/fuzz --seconds $(FUZZ_SECONDS)

model: $(BUILD)/tests/explore ## every state of two processes on one stream, with MODEL_LUCK (4) things going wrong
	$(BUILD)/tests/explore $(MODEL_LUCK)

report-test: all ## the page of backtest --report in a headless Chromium, which is 300 MiB and installed for it
	tools/bootstrap browser
	KINESCALE=$(BUILD)/kinescale python3 tests/cli/test_report.py -v

mutants: ## puts defects into a copy of the sources, one at a time; the tests must catch each
	tests/run-mutants $(O)/mutants

soak: $(BUILD)/tests/test_soak ## SOAK (30 days of two accounts with 100 streams each, side by side) in which everything goes wrong at random
	printf '%s\n' $(SOAK) | CK_FORK=no $(if $(TMPDIR),,TMPDIR=$(firstword $(wildcard /dev/shm /tmp))) \
	    xargs -P$(JOBS) -I{} sh -c 'KINESCALE_SOAK={} $< > $(O)/soak.{}.txt 2> $(O)/soak.{}.log'; \
	    result=$$?; cat $(SOAK:%=$(O)/soak.%.txt); exit $$result

bench: $(BUILD)/kinescale $(BENCHES) ## how fast the program and its parts are, how much memory and room it takes
	@for b in $(BENCHES); do KINESCALE=$(BUILD)/kinescale ./$$b || exit 1; done
	@strip -o $(BUILD)/kinescale.stripped $(BUILD)/kinescale
	@stat -c '%n %s' $(BUILD)/kinescale.stripped $(BUILD)/kinescale | \
	    awk '{printf "%-60s  %.0f KiB\n", $$1, $$2 / 1024}'

install: all ## DESTDIR, prefix, bindir, sysconfdir, docdir, datadir and unitdir are obeyed
	install -D -m 755 $(BUILD)/kinescale $(DESTDIR)$(bindir)/kinescale
	install -D -m 644 streams.conf $(DESTDIR)$(sysconfdir)/kinescale/streams.conf.sample
	install -D -m 644 README.md $(DESTDIR)$(docdir)/README.md
	for template in $(TEMPLATES); do \
	    install -D -m 644 $$template $(DESTDIR)$(datadir)/$$template || exit 1; \
	done
	install -d $(DESTDIR)$(unitdir)
	for unit in $(UNITS); do \
	    sed -e 's|@bindir@|$(bindir)|' -e 's|@sysconfdir@|$(sysconfdir)|' tools/$$unit.in > $(DESTDIR)$(unitdir)/$$unit && \
	    chmod 644 $(DESTDIR)$(unitdir)/$$unit || exit 1; \
	done

uninstall: ## what install put there; configuration and database stay
	rm -f $(DESTDIR)$(bindir)/kinescale $(DESTDIR)$(sysconfdir)/kinescale/streams.conf.sample \
	    $(DESTDIR)$(docdir)/README.md $(TEMPLATES:%=$(DESTDIR)$(datadir)/%) $(UNITS:%=$(DESTDIR)$(unitdir)/%)

clean: ## removes build/
	rm -rf $(O)

help: ## this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
