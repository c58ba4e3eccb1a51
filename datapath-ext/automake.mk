# Runs in PMD threads: links, rings, classification, the netdev classes.

noinst_LIBRARIES += datapath-ext/libdatapathext.a

datapath_ext_libdatapathext_a_SOURCES = \
	datapath-ext/classify.c \
	datapath-ext/classify.h \
	datapath-ext/counter.h \
	datapath-ext/datapath-ext.c \
	datapath-ext/datapath-ext.h \
	datapath-ext/drop.c \
	datapath-ext/drop.h \
	datapath-ext/frame.h \
	datapath-ext/handover.c \
	datapath-ext/handover.h \
	datapath-ext/front.c \
	datapath-ext/front.h \
	datapath-ext/hw-actions.c \
	datapath-ext/hw-actions.h \
	datapath-ext/hw-pattern-format.c \
	datapath-ext/hw-pattern.c \
	datapath-ext/hw-pattern.h \
	datapath-ext/hw-probe.c \
	datapath-ext/hw-probe.h \
	datapath-ext/hw.c \
	datapath-ext/hw.h \
	datapath-ext/learned.c \
	datapath-ext/learned.h \
	datapath-ext/limit.c \
	datapath-ext/limit.h \
	datapath-ext/link-classify.c \
	datapath-ext/link-private.h \
	datapath-ext/link-rx.c \
	datapath-ext/link-tx.c \
	datapath-ext/link.c \
	datapath-ext/link.h \
	datapath-ext/mark-table.c \
	datapath-ext/mark-table.h \
	datapath-ext/merge.c \
	datapath-ext/merge.h \
	datapath-ext/netdev-vnic.c \
	datapath-ext/netdev-vnic.h \
	datapath-ext/ring.c \
	datapath-ext/ring.h \
	datapath-ext/rule-config.c \
	datapath-ext/rule-config.h \
	datapath-ext/rules-check.c \
	datapath-ext/rules-check.h \
	datapath-ext/rules.c \
	datapath-ext/rules.h \
	datapath-ext/seam.h \
	datapath-ext/segment.c \
	datapath-ext/segment.h \
	datapath-ext/service.c \
	datapath-ext/service.h \
	datapath-ext/snoop.c \
	datapath-ext/snoop.h \
	datapath-ext/steer.c \
	datapath-ext/steer.h \
	datapath-ext/vnic-config.c \
	datapath-ext/vnic-config.h \
	datapath-ext/vnic-device.c \
	datapath-ext/vnic-front.c \
	datapath-ext/vnic-private.h \
	datapath-ext/vnic.c \
	datapath-ext/vnic.h
