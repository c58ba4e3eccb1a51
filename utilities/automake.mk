# ovs-vsctl: OVS's own program, our tables and verbs around it.

bin_PROGRAMS += utilities/ovs-vsctl

# Objects of the program, not an archive: nothing refers to the seam's symbols
# but the linker's --wrap.
utilities_ovs_vsctl_SOURCES = \
	utilities/vsctl-error.c \
	utilities/vsctl-error.h \
	utilities/vsctl-link.c \
	utilities/vsctl-link.h \
	utilities/vsctl-port.c \
	utilities/vsctl-port.h \
	utilities/vsctl-ring.c \
	utilities/vsctl-ring.h \
	utilities/vsctl-row.c \
	utilities/vsctl-row.h \
	utilities/vsctl-rule.c \
	utilities/vsctl-rule.h \
	utilities/vsctl-seam.c \
	utilities/vsctl-seam.h \
	utilities/vsctl-show.c \
	utilities/vsctl-show.h \
	utilities/vsctl-stock.c \
	utilities/vsctl-stock.h \
	utilities/vsctl-tables.c \
	utilities/vsctl-tables.h \
	utilities/vsctl-value.c \
	utilities/vsctl-value.h \
	utilities/vsctl-vnic.c \
	utilities/vsctl-vnic.h \
	utilities/vsctl-vns.c \
	utilities/vsctl-vns.h
utilities_ovs_vsctl_LDADD = $(OVS_DIR)/utilities/ovs-vsctl.o $(OVS_LDADD)
utilities_ovs_vsctl_DEPENDENCIES = \
	utilities/vsctl-seam.checked \
	$(OVS_DIR)/utilities/ovs-vsctl.o \
	$(ovs_lib)/libopenvswitch.a
utilities_ovs_vsctl_LDFLAGS = $(AM_LDFLAGS) $(VSCTL_WRAP)

# As for the daemon, see vswitchd-plugin/automake.mk.
vsctl_seam_header = $(srcdir)/utilities/vsctl-seam.h
VSCTL_WRAP = `$(srcdir)/vswitchd-plugin/seam-check --wrap $(vsctl_seam_header)`
ALL_LOCAL += utilities/vsctl-seam.checked
CLEANFILES += utilities/vsctl-seam.checked
utilities/vsctl-seam.checked: $(vsctl_seam_header) \
		vswitchd-plugin/seam-check $(OVS_DIR)/utilities/ovs-vsctl.o
	$(AM_V_GEN)$(MKDIR_P) utilities && \
	$(srcdir)/vswitchd-plugin/seam-check --objects \
		$(vsctl_seam_header) $(OVS_DIR) && touch $@

dist_man_MANS += utilities/ovs-vsctl-vnic.8
