# Gradus: build, test, run. `make help` lists the goals. Everything made goes under $(BUILD).

MAKEFLAGS += --no-builtin-rules

CC     = gcc
BUILD  = build
OPT    = -O2
KERNEL_OPT = -O3
SANITIZE =

LUA      = lua5.4
LUA_INC  = -I/usr/include/$(LUA)
# Lua and readline are linked in, which starts sooner than shared libraries. -Wl,-E shows Lua to
# modules in C; readline is the program's own, for a module that has it would find parts of two.
LUA_LIB      = -Wl,-Bstatic -l$(LUA) -Wl,-Bdynamic
READLINE_LIB = -Wl,-Bstatic,--exclude-libs,libreadline.a:libtinfo.a -lreadline -ltinfo -Wl,-Bdynamic

# No -ffast-math and no fused multiply-add but the one that the kernels ask for by name: each
# digit is decided by the source, never by the compiler.
EXACT    = -ffp-contract=off -fno-math-errno
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
# The same objects make the program and the module; only what is marked GR_EXPORT can be seen from
# outside.
VISIBLE  = -fPIC -fvisibility=hidden
CFLAGS   = -std=c11 -g $(OPT) $(WARNINGS) $(EXACT) $(VISIBLE) $(SANITIZE) -D_GNU_SOURCE -Isrc $(LUA_INC)
LDFLAGS  = -Wl,-E -pthread $(SANITIZE)
LDLIBS   = $(LUA_LIB) -lm

CORE_C = $(filter-out src/core/kernels.c, $(wildcard src/core/*.c))
LUA_C  = $(wildcard src/lua/*.c)
MAIN_C = $(wildcard src/gradus/*.c)
STDLIB = $(wildcard stdlib/*.lua) $(BUILD)/obj/bindings.lua

# The kernels are compiled once for each level of the instruction set; the best is chosen at start.
# (ARCH is not asked of the compiler: `make setup run` reads this before there is one.)
ARCH           = $(shell uname -m)
# Where a compiler joins words to vectors that the kernels do not, their arguments wait behind the
# arithmetic of the kernel before; only the portable level's multiply-adds, lane by lane, need it.
LEVELS_x86_64  = portable avx2 avx512
LEVELS         = $(or $(LEVELS_$(ARCH)),portable)
LEVEL_portable =
LEVEL_avx2     = -mavx2 -mfma -fno-tree-slp-vectorize
LEVEL_avx512   = $(LEVEL_avx2) -mavx512f -mavx512dq -mavx512bw -mavx512vl -mprefer-vector-width=512
OBJ = $(BUILD)/obj
KERNELS_O = $(LEVELS:%=$(OBJ)/core/kernels_%.o)

CORE_O = $(CORE_C:src/%.c=$(OBJ)/%.o) $(KERNELS_O)
LUA_O  = $(LUA_C:src/%.c=$(OBJ)/%.o) $(OBJ)/stdlib.o
MAIN_O = $(MAIN_C:src/%.c=$(OBJ)/%.o)

CORE_TESTS = $(patsubst tests/core/%.c,$(BUILD)/tests/%,$(wildcard tests/core/test_*.c))
LUA_TESTS  = $(patsubst tests/lua/%.c,$(BUILD)/tests/%,$(wildcard tests/lua/test_*.c))

.DEFAULT_GOAL = $(BUILD)/gradus

$(BUILD)/gradus: $(MAIN_O) $(LUA_O) $(CORE_O)
	$(CC) $(LDFLAGS) -o $@ $^ $(READLINE_LIB) $(LDLIBS)

# Lua's functions come from the interpreter that loads it.
$(BUILD)/gradus.so: $(LUA_O) $(CORE_O)
	$(CC) -shared $(SANITIZE) -o $@ $^ -lm

$(OBJ)/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(KERNELS_O): $(OBJ)/core/kernels_%.o: src/core/kernels.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(KERNEL_OPT) $(LEVEL_$*) -DGR_LEVEL=$* -MMD -MP -c -o $@ $<

# Which levels there are to choose from.
$(OBJ)/core/dispatch.o: CFLAGS += $(LEVELS:%=-DGR_HAS_%)

# The standard library is embedded, as text and compiled.
$(OBJ)/embed: stdlib/embed.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LDLIBS)

$(OBJ)/stdlib.c: $(OBJ)/embed $(STDLIB)
	$(OBJ)/embed $(STDLIB) > $@.new
	mv $@.new $@

# What the comments above the functions of the bindings say of them, as one Lua string: help reads it.
$(OBJ)/bindings.lua: $(LUA_C) Makefile
	@mkdir -p $(@D)
	@{ echo 'return [===['; \
	   awk '/^\/\* [A-Za-z_.:]+ ?[[({>,-]/ { shown = 1; print "\f" } \
	        shown { line = $$0; sub(/^(\/\*|\*\*) ?/, "", line); sub(/ *\*\/.*$$/, "", line); \
	                print line } \
	        /\*\// { shown = 0 }' $(LUA_C); \
	   echo ']===]'; } > $@

$(OBJ)/stdlib.o: $(OBJ)/stdlib.c
	$(CC) $(CFLAGS) -c -o $@ $<

# A terminal and a person at its keyboard, for the tests of the prompt.
$(BUILD)/tests/pty: tests/gradus/pty.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $<

$(BUILD)/tests/%: tests/core/%.c $(CORE_O)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Itests/core -MMD -MP $(SANITIZE) -o $@ $< $(CORE_O) -lm

# A line of text for everything the core computes; it rests on the core alone.
$(BUILD)/tests/bits: tests/bits/bits.c $(CORE_O)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -o $@ $< $(CORE_O) -lm

$(BUILD)/tests/%: tests/lua/%.c $(LUA_O) $(CORE_O)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Itests/core -MMD -MP $(LDFLAGS) -o $@ $< $(LUA_O) $(CORE_O) $(LDLIBS)

# Where this test counts the core's allocations, and lets them fail.
$(BUILD)/tests/test_memory: private LDFLAGS += $(foreach f,malloc calloc realloc aligned_alloc free,-Wl,--wrap=$f)

# Where blocks of 8 bytes lie as some stand-ins for malloc place them.
$(BUILD)/tests/test_blocks: private LDFLAGS += $(foreach f,malloc realloc free,-Wl,--wrap=$f)

# Goals

PACKAGES = gcc libc6-dev make liblua5.4-dev libreadline-dev lua-unit gnuplot-nox

CHECK_PACKAGES = clang libclang-rt-14-dev clang-tidy valgrind lua-check mandoc

BENCH_PACKAGES = clang lua5.4 libopenblas0 python3-numpy python3-sklearn python3-torch

BITS_PACKAGES = clang gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user

.PHONY: all help module install uninstall setup check-setup doc run test check check-repeat \
        check-clang check-sanitize check-sanitize-clang check-valgrind check-fuzz check-lua lint bits bits-golden bits-setup bench bench-setup profile clean

all: $(BUILD)/gradus

help:
	@echo 'make            build $(BUILD)/gradus'
	@echo 'make module     build $(BUILD)/gradus.so, for require "gradus" in lua5.4'
	@echo 'make install    install them, with scripts and manual page (PREFIX=$(PREFIX), DESTDIR=)'
	@echo 'make uninstall  take them away again'
	@echo 'make setup      install what building, running and testing need (Debian packages)'
	@echo 'make run        run the experiments of the tutorial; figures go to $(BUILD)/figures'
	@echo 'make doc        the reference ($(BUILD)/reference.md) and annotations for editors ($(BUILD)/library)'
	@echo 'make test       the quick tests'
	@echo 'make check      everything: gcc and clang, sanitizers, valgrind, fuzzers, linters'
	@echo 'make check-lua LUA_SUITE=folder  run the files of a Lua test suite (testes/ of Lua 5.4) as lua5.4,'
	@echo '                or the program LUA_PEER=, does'
	@echo 'make bench      speed, each row a ratio against a rival; JSON=file keeps it, TOPICS=... picks some'
	@echo 'make bench-setup  install the rivals'
	@echo 'make profile    where the time of a training step goes'
	@echo 'make bits       compute the golden bits afresh: gcc, clang, -O1 to -O3, each level, 64-bit Arm'
	@echo 'make bits-golden  take the bits of this build as golden'
	@echo 'make bits-setup install what make bits needs besides'
	@echo 'make clean      remove $(BUILD)'

module: $(BUILD)/gradus.so

# What is installed, one file a word. The annotations are those for an editor's language server.
PREFIX  = /usr/local
TO      = $(DESTDIR)$(PREFIX)
SHARE   = share/gradus
SCRIPTS = $(wildcard scripts/*.lua scripts/*.golden)
INSTALLED = bin/gradus lib/lua/5.4/gradus.so share/man/man1/gradus.1 \
            $(SCRIPTS:%=$(SHARE)/%) $(SHARE)/library/gradus.lua $(SHARE)/library/gradus/testing.lua

install: $(BUILD)/gradus $(BUILD)/gradus.so doc
	install -d $(TO)/bin $(TO)/lib/lua/5.4 $(TO)/share/man/man1 $(TO)/$(SHARE)/scripts \
	  $(TO)/$(SHARE)/library/gradus
	install -m 755 $(BUILD)/gradus $(TO)/bin/gradus
	install -m 755 $(BUILD)/gradus.so $(TO)/lib/lua/5.4/gradus.so
	install -m 644 src/gradus/gradus.1 $(TO)/share/man/man1/gradus.1
	install -m 644 $(SCRIPTS) $(TO)/$(SHARE)/scripts
	install -m 644 $(BUILD)/library/gradus.lua $(TO)/$(SHARE)/library/gradus.lua
	install -m 644 $(BUILD)/library/gradus/testing.lua $(TO)/$(SHARE)/library/gradus/testing.lua

uninstall:
	rm -f $(INSTALLED:%=$(TO)/%)
	-rmdir $(TO)/$(SHARE)/library/gradus $(TO)/$(SHARE)/library $(TO)/$(SHARE)/scripts $(TO)/$(SHARE) 2>/dev/null || true

# On Debian, install; elsewhere, name the packages and go on.
define install_packages
	@if command -v apt-get >/dev/null; then \
	  if dpkg -s $(1) >/dev/null 2>&1; then exit 0; fi; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo apt-get update -qq && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	    -o Dpkg::Use-Pty=0 $(1) >/dev/null; \
	else \
	  echo 'This is not Debian; what is needed is what Debian calls: $(1)'; \
	fi
endef

setup:
	$(call install_packages,$(PACKAGES))

check-setup:
	$(call install_packages,$(PACKAGES) $(CHECK_PACKAGES))

doc: $(BUILD)/gradus
	@mkdir -p $(BUILD)/library/gradus
	@$(BUILD)/gradus -e 'require("gradus.document").write "$(BUILD)"'

run: $(BUILD)/gradus
	@$(BUILD)/gradus scripts/all.lua $(BUILD)/figures

test: $(BUILD)/gradus $(BUILD)/gradus.so $(CORE_TESTS) $(LUA_TESTS) $(BUILD)/tests/pty $(BUILD)/tests/bits
	@BUILD=$(BUILD) $(BUILD)/gradus tests/run.lua

# Everything: both compilers, sanitizers, valgrind, fuzzers for a bounded time, and the linters.

check: check-setup lint test check-repeat check-clang check-sanitize check-sanitize-clang check-valgrind check-fuzz
	@echo 'make check: all is well'

check-repeat: $(BUILD)/gradus
	@REPEATS=20 BUILD=$(BUILD) $(BUILD)/gradus tests/run.lua tests/scripts/test_scripts.lua

check-clang:
	$(MAKE) BUILD=$(BUILD)/clang CC=clang OPT='-O2 -Werror' test

check-sanitize:
	ASAN_OPTIONS=allocator_may_return_null=1 $(MAKE) $(ASAN) test

check-sanitize-clang:
	ASAN_OPTIONS=allocator_may_return_null=1 $(MAKE) $(ASAN) BUILD=$(BUILD)/asan-clang CC=clang test

# Without the tests of bits: valgrind's own multiply-add loses the sign of a product that underflows.
check-valgrind: $(BUILD)/gradus $(BUILD)/gradus.so $(CORE_TESTS) $(LUA_TESTS) $(BUILD)/tests/pty
	@BUILD=$(BUILD) TEST_WRAPPER='$(VALGRIND)' $(BUILD)/gradus tests/run.lua \
	  $(filter-out %/test_kernels,$(CORE_TESTS)) $(LUA_TESTS) \
	  $(filter-out tests/bits/%,$(wildcard tests/*/test_*.lua))

check-fuzz:
	$(MAKE) $(ASAN) $(BUILD)/asan/gradus
	ASAN_OPTIONS=allocator_may_return_null=1 $(BUILD)/asan/gradus tests/fuzz/calls.lua $(FUZZ_SECONDS)

# Lua's own test suite, which is no part of this project: what passes under lua5.4 passes here.
check-lua: $(BUILD)/gradus
	@$(BUILD)/gradus tests/gradus/lua_suite.lua '$(LUA_SUITE)' $(LUA_PEER)

# Speed against rivals in the same run; those that are not installed are skipped with a word.
bench: $(BUILD)/gradus
	@BUILD=$(BUILD) CORE_OBJECTS='$(CORE_O)' $(BUILD)/gradus tests/bench/bench.lua \
	  $(if $(JSON),--json $(JSON)) $(TOPICS)

bench-setup:
	$(call install_packages,$(BENCH_PACKAGES))

# By function of C where perf is installed and allowed, else by operation.
profile: $(BUILD)/gradus
	@if perf record -q -o $(BUILD)/perf.data $(BUILD)/gradus tests/bench/profile.lua 2>/dev/null; then \
	  perf report -i $(BUILD)/perf.data --stdio --percent-limit 0.5 2>/dev/null | grep -v '^#'; \
	else $(BUILD)/gradus --profile tests/bench/profile.lua; fi

# The same bits from every build. Only bits-golden changes what they should be.
bits: $(BUILD)/gradus
	+@BUILD=$(BUILD) MAKE='$(MAKE)' $(BUILD)/gradus tests/bits/matrix.lua

bits-golden: $(BUILD)/tests/bits
	$(BUILD)/tests/bits > tests/golden/bits.txt

bits-setup:
	$(call install_packages,$(BITS_PACKAGES))

# A file at a time: in the second one, clang-tidy 14 takes each va_list for uninitialized.
lint:
	luacheck -q stdlib scripts tests
	@printf '%s\n' $(CORE_C) $(LUA_C) $(MAIN_C) stdlib/embed.c | \
	  xargs -P "$$(nproc)" -I{} clang-tidy --quiet --warnings-as-errors='*' {} -- $(CFLAGS)

# (clang needs a quarter of an hour for the kernels with sanitizers at -O3.)
ASAN = BUILD=$(BUILD)/asan OPT='-O1 -fno-omit-frame-pointer' KERNEL_OPT=-O1 \
       SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all'
VALGRIND = valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=9 \
           --child-silent-after-fork=yes
FUZZ_SECONDS = 30

clean:
	rm -rf $(BUILD)

-include $(shell find $(OBJ) $(BUILD)/tests -name '*.d' 2>/dev/null)
