# Benchmarks.  They compare, so they run our programs and Open vSwitch's by
# turns on the same machine, and print what machine that was.

EXTRA_DIST += \
	bench/bench-cache \
	bench/bench-config \
	bench/bench-vnic \
	bench/cacheswitch.py \
	bench/compare.py \
	bench/demo-cache.sh \
	bench/demo_plot.py \
	bench/feeder.py \
	bench/forward.py \
	bench/fresh.py \
	bench/limits.py \
	bench/machine.py \
	bench/measure.py \
	bench/packets.py \
	bench/parts.py \
	bench/pcap.py \
	bench/pipelines.py \
	bench/report.py \
	bench/rows.py \
	bench/sandbox.py \
	bench/svg.py \
	bench/switch.py \
	bench/traces.py \
	bench/transactions.py \
	bench/turns.py \
	bench/vnicswitch.py
CLEANFILES += \
	bench/cache.json bench/cache.svg \
	bench/config.json bench/config.svg \
	demo-cache.svg \
	bench/vnic.json bench/vnic.svg

# How long configuration takes.  As root; BENCHFLAGS may be "--rows 100".
.PHONY: bench-config
bench-config: all
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) $(srcdir)/bench/bench-config \
		--build $(abs_builddir) --ovs $(OVS_DIR) \
		--cflags '$(CFLAGS)' --out bench/config $(BENCHFLAGS)

# Frames per second through VNICs, beside the stock switch's.  As root;
# BENCHFLAGS may be "--quick".
.PHONY: bench-vnic
bench-vnic: all $(check_PROGRAMS)
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) $(srcdir)/bench/bench-vnic \
		--build $(abs_builddir) --ovs $(OVS_DIR) \
		--cflags '$(CFLAGS)' --out bench/vnic $(BENCHFLAGS)

# Frames per second through pipelines, with the pipeline cache and without.  As
# root; BENCHFLAGS may be "--quick", or "--scenario ct3nat --flows all".
.PHONY: bench-cache
bench-cache: all
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) $(srcdir)/bench/bench-cache \
		--build $(abs_builddir) --ovs $(OVS_DIR) \
		--cflags '$(CFLAGS)' --out bench/cache $(BENCHFLAGS)
