# The daemon: OVS's own main program and bridge, our plugin around them.

sbin_PROGRAMS += vswitchd-plugin/ovs-vswitchd
noinst_LIBRARIES += vswitchd-plugin/libvswitchdplugin.a

vswitchd_plugin_libvswitchdplugin_a_SOURCES = \
	vswitchd-plugin/apply.c \
	vswitchd-plugin/apply.h \
	vswitchd-plugin/cache-unixctl.c \
	vswitchd-plugin/cache-unixctl.h \
	vswitchd-plugin/config-cache.c \
	vswitchd-plugin/classifier-unixctl.c \
	vswitchd-plugin/classifier-unixctl.h \
	vswitchd-plugin/config-bypass.c \
	vswitchd-plugin/config-classifier.c \
	vswitchd-plugin/config-link.c \
	vswitchd-plugin/config-mac.c \
	vswitchd-plugin/config-port.c \
	vswitchd-plugin/config-ring.c \
	vswitchd-plugin/config-vnic.c \
	vswitchd-plugin/config-vns.c \
	vswitchd-plugin/config.c \
	vswitchd-plugin/config.h \
	vswitchd-plugin/local-learn.c \
	vswitchd-plugin/local-learn.h \
	vswitchd-plugin/match.c \
	vswitchd-plugin/match.h \
	vswitchd-plugin/netns-names.c \
	vswitchd-plugin/netns-names.h \
	vswitchd-plugin/netns.c \
	vswitchd-plugin/netns.h \
	vswitchd-plugin/plugin.c \
	vswitchd-plugin/plugin.h \
	vswitchd-plugin/plugin-unixctl.c \
	vswitchd-plugin/plugin-unixctl.h \
	vswitchd-plugin/reply.c \
	vswitchd-plugin/reply.h \
	vswitchd-plugin/show.c \
	vswitchd-plugin/show.h \
	vswitchd-plugin/stats.h \
	vswitchd-plugin/status-cache.c \
	vswitchd-plugin/status.c \
	vswitchd-plugin/status.h

# The seams stand on the link line, not in the archives: nothing refers to
# their symbols but the linker's --wrap.
vswitchd_plugin_ovs_vswitchd_SOURCES = \
	datapath-ext/seam.c \
	vswitchd-plugin/seam.c \
	vswitchd-plugin/seam.h
vswitchd_plugin_ovs_vswitchd_LDADD = \
	$(OVS_DIR)/vswitchd/bridge.o \
	$(OVS_DIR)/vswitchd/ovs-vswitchd.o \
	$(OVS_DIR)/vswitchd/system-stats.o \
	vswitchd-plugin/libvswitchdplugin.a \
	ofproto-ext/libofprotoext.a \
	datapath-ext/libdatapathext.a \
	$(OVS_LDADD)
vswitchd_plugin_ovs_vswitchd_DEPENDENCIES = \
	vswitchd-plugin/seam.checked \
	$(OVS_DIR)/vswitchd/bridge.o \
	$(ovs_lib)/libopenvswitch.a \
	vswitchd-plugin/libvswitchdplugin.a \
	ofproto-ext/libofprotoext.a \
	datapath-ext/libdatapathext.a
vswitchd_plugin_ovs_vswitchd_LDFLAGS = $(AM_LDFLAGS) $(OVS_VSWITCHD_LDFLAGS) \
	$(PLUGIN_WRAP)

# One --wrap per contact in the seams, which the build checks against the
# objects that should call them.
seam_headers = $(srcdir)/vswitchd-plugin/seam.h $(srcdir)/datapath-ext/seam.h
PLUGIN_WRAP = `$(srcdir)/vswitchd-plugin/seam-check --wrap $(seam_headers)`
ALL_LOCAL += vswitchd-plugin/seam.checked
CLEANFILES += vswitchd-plugin/seam.checked
vswitchd-plugin/seam.checked: $(seam_headers) \
		vswitchd-plugin/seam-check $(OVS_DIR)/vswitchd/bridge.o
	$(AM_V_GEN)$(srcdir)/vswitchd-plugin/seam-check --objects \
		$(seam_headers) $(OVS_DIR) && touch $@

# The merged schema and its documentation.
EXTRA_DIST += vswitchd-plugin/vnic.ovsschema vswitchd-plugin/vnic.xml \
	vswitchd-plugin/schema-merge vswitchd-plugin/seam-check
pkgdata_DATA += vswitchd-plugin/vswitch.ovsschema
CLEANFILES += vswitchd-plugin/vswitch.ovsschema vswitchd-plugin/vswitch.xml
vswitchd-plugin/vswitch.ovsschema: vswitchd-plugin/schema-merge \
		vswitchd-plugin/vnic.ovsschema
	$(AM_V_GEN)$(PYTHON3) $(srcdir)/vswitchd-plugin/schema-merge schema \
		$(OVS_DIR)/vnic.stock.ovsschema \
		$(srcdir)/vswitchd-plugin/vnic.ovsschema > $@.tmp && mv $@.tmp $@
vswitchd-plugin/vswitch.xml: vswitchd-plugin/schema-merge \
		vswitchd-plugin/vnic.xml
	$(AM_V_GEN)$(PYTHON3) $(srcdir)/vswitchd-plugin/schema-merge xml \
		$(OVS_DIR)/vnic.stock.xml \
		$(srcdir)/vswitchd-plugin/vnic.xml > $@.tmp && mv $@.tmp $@

# OVS generates the manual page of the database in its own build.
man_MANS += $(OVS_DIR)/vswitchd/ovs-vswitchd.conf.db.5 \
	$(OVS_DIR)/vswitchd/ovs-vswitchd.8

# The overview, with what is added to the daemon.
dist_man_MANS += vswitchd-plugin/ovs-vnic.7
