# Debian packaging: 'dpkg-buildpackage -b' in the source tree.

EXTRA_DIST += \
	debian/changelog \
	debian/control \
	debian/copyright \
	debian/ovs-vnic.docs \
	debian/ovs-vnic.install \
	debian/ovs-vnic.manpages \
	debian/ovs-vnic.postinst \
	debian/ovs-vnic.postrm \
	debian/ovs-vnic.preinst \
	debian/ovs-vnic.prerm \
	debian/rules \
	debian/source/format
