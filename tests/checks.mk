# Checks of the sources that need no running daemon, and builds of our own
# files for checks that need other compiler flags.
#
#     make check-style    the rules that tests/check-style lists
#     make check-asan     'make check' under AddressSanitizer and UBSan
#     make check-tsan     programs with several threads under ThreadSanitizer
#     make check-clang    the build with clang, with thread-safety analysis
#     make check-fuzz     libFuzzer targets, FUZZ_SECONDS each, side by side

EXTRA_DIST += tests/check-style tests/lsan.supp tests/tsan.supp

# 'make' runs this when a file that we distribute has changed; 'make check'
# always, and has the rules prove that each of them can fail.
ALL_LOCAL += tests/style.checked
CLEANFILES += tests/style.checked
tests/style.checked: $(DISTFILES)
	$(AM_V_GEN)$(PYTHON3) $(srcdir)/tests/check-style $(srcdir) && \
		$(MKDIR_P) tests && touch $@

CHECK_LOCAL += check-style
.PHONY: check-style
check-style:
	$(AM_V_at)$(PYTHON3) $(srcdir)/tests/check-style --self-test
	$(AM_V_at)$(PYTHON3) $(srcdir)/tests/check-style $(srcdir)

# A second build is a configured directory below this one that shares our Open
# vSwitch build, so only our own files differ from the first build.  configure
# refuses sources that are themselves configured, for make would take the
# objects that it finds there; if this is such a build, the second one sees
# the sources through links.
second_source = \
	$(MKDIR_P) $$dir && src=$(abs_srcdir) && \
	if test -e $(srcdir)/config.status; then \
	    src=$(abs_builddir)/$$dir/src && rm -rf $$src && \
	    for file in $(DISTFILES); do \
	        $(MKDIR_P) $$src/`dirname $$file` && \
	        ln -sf $(abs_srcdir)/$$file $$src/$$file || exit 1; \
	    done; \
	fi
second_configure = cd $$dir && $$src/configure -q --with-ovs-build=$(OVS_DIR)/..
second_needs = $(srcdir)/tests/checks.mk $(srcdir)/configure \
	$(srcdir)/Makefile.in $(OVS_DIR)/vnic.built

# Sanitizers.  The Open vSwitch objects are those of the first build, so an
# access out of bounds is found in our functions and in what they call of libc;
# a leak or a free that is wrong, everywhere.
ASAN_CFLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined

# A report goes to a file in the directory that the program started in, where
# Open vSwitch's AT_CLEANUP looks for it and fails the test; standard error is
# /dev/null in a daemon.  gcc's UBSan always writes to standard error, hence
# the detour over abort(), of which AddressSanitizer writes a stack to a file.
# The fast unwinder gets lost in Open vSwitch's objects, which have no frame
# pointers, and then suppressions don't match.
asan_env = \
	ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0:detect_stack_use_after_return=1:strict_string_checks=1:handle_abort=1:log_path=asan:$$ASAN_OPTIONS \
	UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1:log_path=ubsan:$$UBSAN_OPTIONS \
	LSAN_OPTIONS=print_suppressions=0:suppressions=$(abs_srcdir)/tests/lsan.supp:$$LSAN_OPTIONS

asan/config.status: $(second_needs)
	$(AM_V_at)dir=asan; $(second_source) && $(second_configure) \
		CC='$(CC)' CFLAGS='$(ASAN_CFLAGS)' PYTHON3='$(PYTHON3)'
.PHONY: check-asan
check-asan: asan/config.status
	cd asan && $(MAKE) $(AM_MAKEFLAGS) all
	cd asan && $(asan_env) $(MAKE) $(AM_MAKEFLAGS) check

# Clang.  Its thread-safety analysis knows the annotations that gcc skips
# (OVS_REQUIRES, OVS_GUARDED...).  It finds nothing to warn of in the headers
# of Open vSwitch and DPDK, so they get no special treatment.
clang/config.status: $(second_needs)
	$(AM_V_at)dir=clang; $(second_source) && $(second_configure) \
		CC='$(CLANG)' CFLAGS='-O2 -g -Wthread-safety' \
		PYTHON3='$(PYTHON3)'
.PHONY: check-clang
check-clang:
	@version=`$(CLANG) -dumpversion 2>/dev/null | sed 's/\..*//'`; \
	if test "$${version:-0}" -lt 14; then \
	    echo >&2 "check-clang: needs clang 14 or later, and configure" \
	        "found $(CLANG); install clang and run configure again"; \
	    exit 1; \
	fi
	$(MAKE) $(AM_MAKEFLAGS) clang/config.status
	cd clang && $(MAKE) $(AM_MAKEFLAGS) all $(check_PROGRAMS)

# Some files of Open vSwitch, compiled once more with the flags of a second
# build: the linker takes them before those in the archives.
OVS_AGAIN =
OVS_AGAIN_CFLAGS =
OVS_AGAIN_OBJECTS =
.PHONY: ovs-again
ovs-again:
	@$(MKDIR_P) ovs-again
	@for name in $(OVS_AGAIN); do \
	    src=$(OVS_DIR)/lib/$$name.c && obj=ovs-again/$$name.o && \
	    if test ! $$obj -nt $$src; then \
	        echo "  CC       $$obj" && \
	        $(COMPILE) -w $(OVS_AGAIN_CFLAGS) -c -o $$obj $$src || exit 1; \
	    fi; \
	done
make_again = objects= && for name in $$names; do \
	    objects="$$objects ovs-again/$$name.o"; \
	done && \
	$(MAKE) $(AM_MAKEFLAGS) OVS_AGAIN="$$names" ovs-again && \
	$(MAKE) $(AM_MAKEFLAGS) OVS_AGAIN_OBJECTS="$$objects"

# ThreadSanitizer has to see the synchronization to know of it: that of Open
# vSwitch's RCU and classifier in these files, that of DPDK's rings in headers,
# for which it needs the variant that is written with C11's atomics.  (The
# fences in there are beyond it; gcc would warn of each.)
TSAN_CFLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=thread -Wno-tsan
TSAN_AGAIN = ccmap classifier cmap ovs-rcu ovs-thread pvector seq

# It also wants to choose its addresses, which newer kernels' randomization
# takes.
tsan/config.status: $(second_needs)
	$(AM_V_at)dir=tsan; $(second_source) && $(second_configure) \
		CC='$(CC)' CFLAGS='$(TSAN_CFLAGS)' PYTHON3='$(PYTHON3)' \
		CPPFLAGS=-DRTE_USE_C11_MEM_MODEL
.PHONY: check-tsan
check-tsan: tsan/config.status
	cd tsan && names='$(TSAN_AGAIN)' && $(make_again) tests/test-vnic
	cd tsan && export TSAN_OPTIONS="halt_on_error=1 suppressions=$(abs_srcdir)/tests/tsan.supp $$TSAN_OPTIONS" && \
	for test in 'test-ring order' 'test-ring sources' \
	    'test-ring two-ways' 'test-ring threads' \
	    'test-rules check 2000 1' 'test-rules publish 200' \
	    'test-service threads' 'test-limit threads' \
	    'test-learned threads' 'test-session threads' \
	    'test-path threads'; do \
	    echo "  $$test" && setarch -R tests/test-vnic $$test || exit 1; \
	done

# libFuzzer.  Seeds come from the generators of test-rules; what was found
# before stays in fuzz/corpus and is where the next run starts.  Open vSwitch's
# parsers are compiled with coverage, or the fuzzer would not see them, and
# with AddressSanitizer; UBSan knows some things about them that aren't ours.
FUZZ_CFLAGS = -O1 -g -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
FUZZ_AGAIN = classifier flow match meta-flow ofp-parse packets
FUZZ_SECONDS = 60
FUZZ_SEEDS = 200

EXTRA_PROGRAMS = tests/fuzz-match tests/fuzz-packet
tests_fuzz_match_SOURCES = tests/fuzz-match.c tests/fuzz.h
tests_fuzz_match_LDADD = $(OVS_AGAIN_OBJECTS) \
	vswitchd-plugin/libvswitchdplugin.a $(OVS_LDADD)
tests_fuzz_match_LDFLAGS = $(AM_LDFLAGS) $(OVS_VSWITCHD_LDFLAGS) \
	-fsanitize=fuzzer
tests_fuzz_packet_SOURCES = \
	tests/fuzz-packet.c \
	tests/fuzz.h \
	tests/naive-random.c \
	tests/naive-rules.c \
	tests/naive-rules.h \
	tests/rule-set.c \
	tests/rule-set.h
tests_fuzz_packet_LDADD = $(OVS_AGAIN_OBJECTS) \
	vswitchd-plugin/libvswitchdplugin.a datapath-ext/libdatapathext.a \
	$(OVS_LDADD)
tests_fuzz_packet_LDFLAGS = $(tests_fuzz_match_LDFLAGS)
CLEANFILES += $(EXTRA_PROGRAMS)

fuzz/config.status: $(second_needs)
	$(AM_V_at)dir=fuzz; $(second_source) && $(second_configure) \
		CC='$(CLANG)' CFLAGS='$(FUZZ_CFLAGS)' PYTHON3='$(PYTHON3)'
.PHONY: check-fuzz
check-fuzz: fuzz/config.status
	cd fuzz && names='$(FUZZ_AGAIN)' && \
	$(make_again) OVS_AGAIN_CFLAGS=-fno-sanitize=undefined \
	    $(EXTRA_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) tests/test-vnic
	cd fuzz && $(MKDIR_P) seeds corpus/match corpus/packet && \
	../tests/test-vnic test-rules seeds seeds $(FUZZ_SEEDS) && \
	for target in match packet; do \
	    $(MKDIR_P) seeds/$$target && \
	    mv seeds/$$target-* seeds/$$target || exit 1; \
	done
	$(MAKE) $(AM_MAKEFLAGS) -j2 --output-sync=target fuzz-match fuzz-packet

# Each has a core for itself, where there are two.
.PHONY: fuzz-match fuzz-packet
fuzz-match fuzz-packet:
	cd fuzz && target=$(@:fuzz-%=%) && \
	tests/$@ -max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=256 \
	    -print_final_stats=1 corpus/$$target seeds/$$target

CLEAN_LOCAL += clean-second
clean-second:
	rm -rf ovs-again
	for dir in asan tsan clang fuzz; do \
	    test ! -f $$dir/Makefile || (cd $$dir && $(MAKE) clean) || exit 1; \
	done
