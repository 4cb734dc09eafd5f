# kinescale - `make help` says what can be made.
#
# Sources are found, not listed.  Each flavour has its own objects: FLAVOUR=release|asan|tsan.

FLAVOUR ?= release
O       ?= build
BUILD    = $(O)/$(FLAVOUR)
VERSION := 0.1.0

PACKAGES = libcurl openssl libcjson libmicrohttpd sqlite3 expat

CFLAGS_common  = -std=gnu11 -D_GNU_SOURCE -DKINESCALE_VERSION='"$(VERSION)"' -Iinclude -Itests/support -I$(BUILD)/generated \
                 -include base/banned.h -MMD -MP -g -fno-common -pthread \
                 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
                 -Wwrite-strings -Wpointer-arith -Wvla -Wformat=2 -Wundef -Wcast-align -Wno-missing-field-initializers
CFLAGS_release = -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fcf-protection -fstack-clash-protection
CFLAGS_asan    = -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan    = -O1 -fsanitize=thread -fno-omit-frame-pointer
LDFLAGS_release = -pie -Wl,-z,relro,-z,now,-z,noexecstack

ALL_CFLAGS  = $(CFLAGS_common) $(CFLAGS_$(FLAVOUR)) $(shell pkg-config --cflags $(PACKAGES)) $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS)
LIBS        = $(shell pkg-config --libs $(PACKAGES)) -lm -pthread
CHECK_LIBS  = $(shell pkg-config --libs check)

SOURCES = $(sort $(wildcard src/*/*.c))
OBJECTS = $(SOURCES:%.c=$(BUILD)/%.o)
SUPPORT = $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/support/*.c)))
TESTS   = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))

.PHONY: all unit clean layers
.SECONDARY:

all: $(BUILD)/kinescale

$(BUILD)/kinescale: $(BUILD)/src/main.o $(OBJECTS)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# A test links everything but main.
$(BUILD)/tests/test_%: $(BUILD)/tests/unit/test_%.o $(SUPPORT) $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(CHECK_LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/src/store/migrate.o: $(BUILD)/generated/migrations.inc
$(BUILD)/generated/migrations.inc: $(wildcard migrations/*.sql) tools/embed-migrations
	@mkdir -p $(@D)
	tools/embed-migrations migrations > $@.new && mv $@.new $@

unit: $(TESTS)
	@for t in $^; do ./$$t || exit 1; done

layers:
	tools/check-layers

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
