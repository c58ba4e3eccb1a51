# Tests.  'make check' takes seconds, and needs neither root nor DPDK;
# 'make check-system' has real peers in namespaces and 'make check-upstream'
# runs Open vSwitch's own suites.

TESTSUITE = $(srcdir)/tests/testsuite
TESTSUITE_AT = \
	tests/testsuite.at \
	tests/bypass.at \
	tests/cache.at \
	tests/drop.at \
	tests/hw.at \
	tests/link.at \
	tests/plugin.at \
	tests/ring.at \
	tests/rule.at \
	tests/schema.at \
	tests/seam.at \
	tests/unit.at \
	tests/vns.at \
	tests/vsctl.at \
	tests/vsctl-ring.at
EXTRA_DIST += $(TESTSUITE_AT) tests/atlocal.in
DISTCLEANFILES += tests/atconfig tests/atlocal

# Unit programs in the manner of OVS's ovstest: one binary, a subcommand each.
check_PROGRAMS += tests/test-vnic
tests_test_vnic_SOURCES = \
	tests/benchmark.c \
	tests/benchmark.h \
	tests/naive-random.c \
	tests/naive-rules.c \
	tests/naive-rules.h \
	tests/probe-seam.c \
	tests/probe-seam.h \
	tests/rule-set.c \
	tests/rule-set.h \
	tests/tcp-frame.c \
	tests/tcp-frame.h \
	tests/test-cache.c \
	tests/test-classify.c \
	tests/test-handover.c \
	tests/test-hw.c \
	tests/test-learned.c \
	tests/test-limit.c \
	tests/test-link.c \
	tests/test-local-learn.c \
	tests/test-merge.c \
	tests/test-path-seam.c \
	tests/test-placement.c \
	tests/test-ring.c \
	tests/test-rules.c \
	tests/test-service.c \
	tests/test-session-seam.c \
	tests/test-snoop.c \
	tests/test-steer.c \
	tests/test-tunnel.c \
	tests/test-vnic-config.c \
	tests/test-vnic-place.c \
	tests/time-seam.c \
	tests/time-seam.h
tests_test_vnic_CPPFLAGS = $(AM_CPPFLAGS) -I $(OVS_DIR)/tests
tests_test_vnic_LDADD = $(OVS_AGAIN_OBJECTS) $(OVS_DIR)/tests/ovstest.o \
	vswitchd-plugin/libvswitchdplugin.a \
	datapath-ext/libdatapathext.a $(OVS_LDADD)
tests_test_vnic_LDFLAGS = $(AM_LDFLAGS) $(OVS_VSWITCHD_LDFLAGS) \
	-Wl,--wrap=cmap_find -Wl,--wrap=time_msec

# The classifier against its naive oracle; 'make check' has a short run of it.
PAIRS = 1000000
.PHONY: check-differential
check-differential: tests/test-vnic
	tests/test-vnic test-rules check $(PAIRS) $(SEED)

# A NIC that classifies, to be preloaded: no program, but automake builds
# libraries with libtool only.
check_PROGRAMS += tests/test-nic.so
tests_test_nic_so_SOURCES = tests/test-nic.c
tests_test_nic_so_CFLAGS = $(AM_CFLAGS) -fPIC
tests_test_nic_so_LDFLAGS = -shared

VNIC_AUTOTEST_PATH = utilities:vswitchd-plugin:tests:$(OVS_DIR)/utilities:$(OVS_DIR)/ovsdb:$(OVS_DIR)/vswitchd:$(OVS_DIR)/tests

# Isolated where that is allowed: a test that stops a daemon waits until the
# init process has reaped it, and not every init is quick at that.
CHECK_LOCAL += check-autotest
.PHONY: check-autotest
check-autotest: all tests/testsuite tests/atconfig tests/atlocal \
		$(check_PROGRAMS)
	$(AM_V_at)isolate=$(abs_srcdir)/tests/upstream/isolate; \
	$$isolate true 2>/dev/null || isolate=; \
	$$isolate $(SHELL) tests/testsuite -C tests \
		AUTOTEST_PATH=$(VNIC_AUTOTEST_PATH) -j2 $(TESTSUITEFLAGS)

CLEAN_LOCAL += clean-autotest
clean-autotest:
	test ! -f tests/testsuite || $(SHELL) tests/testsuite -C tests --clean
CLEANFILES += tests/testsuite tests/package.m4

tests/package.m4: $(top_srcdir)/configure.ac
	$(AM_V_GEN)$(MKDIR_P) tests && { \
	  echo 'm4_define([AT_PACKAGE_NAME], [$(PACKAGE_NAME)])' && \
	  echo 'm4_define([AT_PACKAGE_TARNAME], [$(PACKAGE_TARNAME)])' && \
	  echo 'm4_define([AT_PACKAGE_VERSION], [$(PACKAGE_VERSION)])' && \
	  echo 'm4_define([AT_PACKAGE_STRING], [$(PACKAGE_STRING)])' && \
	  echo 'm4_define([AT_PACKAGE_BUGREPORT], [])'; } > $@
tests/testsuite: tests/package.m4 $(TESTSUITE_AT)
	$(AM_V_GEN)$(AUTOM4TE) --language=autotest -I tests -I $(srcdir) \
		-I $(OVS_DIR) -o $@.tmp $(srcdir)/tests/testsuite.at && \
	mv $@.tmp $@

# Real peers in network namespaces.
EXTRA_DIST += tests/pytest
.PHONY: check-system
check-system: all tests/test-nic.so tests/test-vnic
	VNIC_BUILDDIR=$(abs_builddir) OVS_DIR=$(OVS_DIR) PYTHONDONTWRITEBYTECODE=1 \
		$(PYTHON3) -m pytest -p no:cacheprovider $(PYTESTFLAGS) \
		$(srcdir)/tests/pytest

# The oracle of the pipeline cache: daemons that differ in it only get random
# packets.  A minute by default; ORACLEFLAGS may be "--packets 10000000
# --seed 7".
EXTRA_DIST += tests/oracle
.PHONY: check-oracle
check-oracle: all tests/oracle-nic.so
	$(srcdir)/tests/upstream/isolate \
		$(PYTHON3) $(srcdir)/tests/oracle/check-oracle \
		--ovs $(OVS_DIR) --build $(abs_builddir) \
		--out $(abs_builddir)/oracle $(ORACLEFLAGS)

check_PROGRAMS += tests/oracle-nic.so
tests_oracle_nic_so_SOURCES = tests/oracle-nic.c
tests_oracle_nic_so_CFLAGS = $(AM_CFLAGS) -fPIC
tests_oracle_nic_so_LDFLAGS = -shared

# The root file system of the guests.
CLEAN_LOCAL += clean-guest
.PHONY: clean-guest
clean-guest:
	rm -rf tests/guest

# Open vSwitch's own suites, with our programs and with the stock ones.
EXTRA_DIST += tests/upstream
.PHONY: check-upstream
check-upstream: all
	$(PYTHON3) $(srcdir)/tests/upstream/run-upstream --ovs $(OVS_DIR) \
		--bin $(abs_builddir)/vswitchd-plugin:$(abs_builddir)/utilities \
		--out $(abs_builddir)/upstream $(UPSTREAMFLAGS)

include tests/checks.mk
