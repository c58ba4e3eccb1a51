# Runs in the main thread, turns validated configuration into OpenFlow flows.
# See README.rst here.

noinst_LIBRARIES += ofproto-ext/libofprotoext.a

ofproto_ext_libofprotoext_a_SOURCES = \
	ofproto-ext/flow-table.c \
	ofproto-ext/flow-table.h \
	ofproto-ext/ofproto-ext.h \
	ofproto-ext/ring-flow.c \
	ofproto-ext/stage-rules.c

EXTRA_DIST += ofproto-ext/README.rst
