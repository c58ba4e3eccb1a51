# Runs in the main thread, turns validated configuration into OpenFlow tables.
# See README.rst here.

EXTRA_DIST += ofproto-ext/README.rst
