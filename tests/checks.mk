# Checks of the sources that need no running daemon, and builds of our own
# files for checks that need other compiler flags.
#
#     make check-style    the rules that tests/check-style lists
#     make check-asan     'make check' under AddressSanitizer and UBSan
#     make check-clang    the build with clang, with thread-safety analysis

EXTRA_DIST += tests/check-style tests/lsan.supp

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

CLEAN_LOCAL += clean-second
clean-second:
	for dir in asan clang; do \
	    test ! -f $$dir/Makefile || (cd $$dir && $(MAKE) clean) || exit 1; \
	done
