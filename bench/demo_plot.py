# SPDX-License-Identifier: Apache-2.0
"""usage: demo_plot.py RATE_OFF RATE_ON CPU_OFF CPU_ON > PLOT.svg

Draws what demo-cache.sh has measured, with the pipeline cache off and on."""

import sys

import svg


def main(argv):
    rate_off, rate_on, cpu_off, cpu_on = map(float, argv)

    def group(off, on):
        return [(name, [("", series, (value, value, value))])
                for series, (name, value) in enumerate(
                    (("cache off", off), ("cache on", on)))]

    sys.stdout.write(svg.chart(
        ["The same download through three conntrack zones with SNAT, between "
         "network namespaces,", "with the pipeline cache off and on."],
        [("Megabytes per second (more is better)",
          group(rate_off, rate_on), None),
         ("CPU time in the switch, microseconds per packet (less is better)",
          group(cpu_off, cpu_on), None)], ""))


if __name__ == "__main__":
    main(sys.argv[1:])
