dnl VNIC_OVS
dnl
dnl Provides a configured Open vSwitch 3.1 tree in $OVS_DIR and what is needed
dnl to link against it.  By default Debian's openvswitch-source is unpacked
dnl into ./ovs of the build tree; --with-ovs-source copies another tree there;
dnl --with-ovs-build shares the tree of another build directory of ours, for a
dnl second build of our own files with other flags.
AC_DEFUN([VNIC_OVS],
  [AC_ARG_WITH([ovs-source],
     [AS_HELP_STRING([--with-ovs-source=DIR],
        [Open vSwitch 3.1 source tree; it is copied and left as it is
         (default: unpack Debian's openvswitch-source)])])
   AC_ARG_WITH([ovs-build],
     [AS_HELP_STRING([--with-ovs-build=DIR],
        [build directory of ours whose Open vSwitch build is used as it is])])
   AC_ARG_VAR([OVS_TARBALL], [Open vSwitch source tarball])
   AS_IF([test -z "$OVS_TARBALL"],
     [OVS_TARBALL=/usr/src/openvswitch/openvswitch.tar.gz])
   AC_ARG_VAR([OVS_BUILD_CFLAGS],
     [CFLAGS of the Open vSwitch build (default: -O2 -g)])
   AS_IF([test -z "$OVS_BUILD_CFLAGS"], [OVS_BUILD_CFLAGS='-O2 -g'])

   AS_CASE([$with_ovs_build],
     [''|no],
       [OVS_DIR=`pwd`/ovs
        AS_MKDIR_P([$OVS_DIR])
        VNIC_OVS_UNPACK
        VNIC_OVS_CONFIGURE],
     [OVS_DIR=`cd "$with_ovs_build/ovs" 2>/dev/null && pwd`
      AS_IF([test ! -e "$OVS_DIR/vnic.built"],
        [AC_MSG_ERROR([--with-ovs-build=$with_ovs_build: no finished Open vSwitch build there; run make in it first])])])
   AM_CONDITIONAL([OVS_BUILD_IS_OURS],
     [test -z "$with_ovs_build" || test "$with_ovs_build" = no])

   VNIC_OVS_VAR([OVS_VERSION], [VERSION])
   VNIC_OVS_VAR([OVS_CFLAGS], [OVS_CFLAGS])
   VNIC_OVS_VAR([OVS_LIBS], [LIBS])
   VNIC_OVS_VAR([OVS_SSL_LIBS], [SSL_LIBS])
   VNIC_OVS_VAR([OVS_CAPNG_LIBS], [CAPNG_LDADD])
   VNIC_OVS_VAR([OVS_VSWITCHD_LDFLAGS], [DPDK_vswitchd_LDFLAGS])
   AC_SUBST([OVS_DIR])])

dnl Copies or unpacks the source, once for each source and its date.
AC_DEFUN([VNIC_OVS_UNPACK],
  [AS_CASE([$with_ovs_source],
     [''|yes|no],
       [ovs_from=$OVS_TARBALL
        AS_IF([test ! -r "$ovs_from"],
          [AC_MSG_ERROR([$ovs_from: not found; install openvswitch-source or give --with-ovs-source=DIR])])],
     [ovs_from=`cd "$with_ovs_source" 2>/dev/null && pwd`
      AS_IF([test ! -r "$ovs_from/vswitchd/vswitch.ovsschema"],
        [AC_MSG_ERROR([--with-ovs-source=$with_ovs_source: not an Open vSwitch source tree])])])
   ovs_stamp=`ls -ld --time-style=full-iso "$ovs_from"`
   AC_MSG_CHECKING([for Open vSwitch source])
   AS_IF([test "`cat $OVS_DIR/vnic.source 2>/dev/null`" = "$ovs_stamp"],
     [AC_MSG_RESULT([$ovs_from (unpacked before)])],
     [AC_MSG_RESULT([$ovs_from])
      rm -rf "$OVS_DIR"
      AS_MKDIR_P([$OVS_DIR])
      AS_IF([test -d "$ovs_from"],
        [(cd "$ovs_from" &&
          tar -cf - --exclude=.git --exclude='*.o' --exclude='*.lo' \
              --exclude='*.la' --exclude=.libs --exclude=./config.status \
              --exclude=./Makefile .) | tar -xf - -C "$OVS_DIR"],
        [tar -xf "$ovs_from" -C "$OVS_DIR" --strip-components=1])
      AS_IF([test $? != 0], [AC_MSG_ERROR([$ovs_from: cannot unpack])])
      AS_IF([grep -q '^AC.INIT(openvswitch, 3\.1\.' "$OVS_DIR/configure.ac"], [],
        [AC_MSG_ERROR([$ovs_from: not Open vSwitch 3.1])])
      cp "$OVS_DIR/vswitchd/vswitch.ovsschema" "$OVS_DIR/vnic.stock.ovsschema"
      cp "$OVS_DIR/vswitchd/vswitch.xml" "$OVS_DIR/vnic.stock.xml"
      AS_ECHO(["$ovs_stamp"]) > "$OVS_DIR/vnic.source"])])

dnl Configures the copy, once for each set of arguments.
AC_DEFUN([VNIC_OVS_CONFIGURE],
  [ovs_args="--with-dpdk=shared --prefix=$prefix --localstatedir=$localstatedir --sysconfdir=$sysconfdir --datarootdir=$datarootdir --sbindir=$sbindir --bindir=$bindir PYTHON3=$PYTHON3"
   AS_IF([test "$prefix" = NONE],
     [ovs_args=`AS_ECHO(["$ovs_args"]) | sed "s|--prefix=NONE|--prefix=$ac_default_prefix|"`])
   ovs_want="$ovs_args $OVS_BUILD_CFLAGS"
   AS_IF([test "`cat $OVS_DIR/vnic.configured 2>/dev/null`" != "$ovs_want"],
     [AC_MSG_NOTICE([configuring Open vSwitch in $OVS_DIR])
      (cd "$OVS_DIR" &&
       { test -x configure || ./boot.sh; } &&
       CC=gcc ./configure $ovs_args CFLAGS="$OVS_BUILD_CFLAGS") \
          > "$OVS_DIR/vnic.configure.log" 2>&1
      AS_IF([test $? != 0],
        [tail -n 5 "$OVS_DIR/vnic.configure.log" >&2
         AC_MSG_ERROR([Open vSwitch does not configure; see $OVS_DIR/vnic.configure.log])])
      AS_ECHO(["$ovs_want"]) > "$OVS_DIR/vnic.configured"])])

dnl VNIC_OVS_VAR(OURS, THEIRS): takes a variable from Open vSwitch's Makefile.
AC_DEFUN([VNIC_OVS_VAR],
  [$1=`sed -n 's/^$2 = *//p' "$OVS_DIR/Makefile" | sed 1q`
   AC_SUBST([$1])])

dnl VNIC_WARNINGS: Open vSwitch's own warnings and -Werror.
AC_DEFUN([VNIC_WARNINGS],
  [AC_ARG_ENABLE([werror],
     [AS_HELP_STRING([--disable-werror], [do not stop at warnings])])
   VNIC_CFLAGS="-Wall -Wextra -Wno-sign-compare -Wpointer-arith -Wformat -Wformat-security -Wunused-parameter -Wbad-function-cast -Wcast-align -Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes -Wmissing-field-initializers -Wshadow -fno-strict-aliasing -mssse3"
   AS_IF([test "$enable_werror" != no], [VNIC_CFLAGS="$VNIC_CFLAGS -Werror"])
   AC_SUBST([VNIC_CFLAGS])])
