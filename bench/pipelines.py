# SPDX-License-Identifier: Apache-2.0
"""The OpenFlow tables that bench-cache compares, by name.

A guest's connection leaves through the zones of 'zones' in order, and enters
through them the other way round.  Frames of both directions come from one
port, so addresses tell them apart."""

from switch import GENERATOR, SINK
from traces import ACL_PORT, ACL_SOURCE, GUESTS, NAT_PREFIX, VXLAN_LOCAL

TUNNEL = 3                      # OpenFlow port number.
SECOND_SINK = 4
ROUTE = "mod_dl_src:02:aa:00:00:00:01,mod_dl_dst:02:bb:00:00:00:01,dec_ttl,"
OUT = "output:%d" % SINK


def port():
    return ["in_port=%d,actions=%s" % (GENERATOR, OUT)]


def route():
    return ["in_port=%d,ip,actions=%s%s" % (GENERATOR, ROUTE, OUT)]


def one_zone(in_port=GENERATOR):
    return ["in_port=%d,ip,actions=ct(zone=1,table=1)" % in_port,
            "table=1,ct_state=+trk+new,ip,actions=ct(commit,zone=1)," + OUT,
            "table=1,ct_state=+trk+est,ip,actions=" + OUT]


def depth(n):
    """n recirculations, by a zone each, then the same as route()."""
    return [
        *("table=%d,ip,actions=ct(commit,zone=%d,table=%d)" % (i, i + 1, i + 1)
          for i in range(n)),
        "table=%d,ip,actions=%s%s" % (n, ROUTE, OUT)]


def ip6_two_zones():
    return ["in_port=%d,ipv6,actions=ct(zone=1,table=1)" % GENERATOR,
            "table=1,ct_state=+trk+new,ipv6,"
            "actions=ct(commit,zone=1),ct(zone=2,table=2)",
            "table=1,ct_state=+trk+est,ipv6,actions=ct(zone=2,table=2)",
            "table=2,ct_state=+trk+new,ipv6,actions=ct(commit,zone=2),%s%s"
            % (ROUTE, OUT),
            "table=2,ct_state=+trk+est,ipv6,actions=" + ROUTE + OUT]


def three_zones(is_per_guest=False, last=ROUTE + OUT):
    """SNAT in the second zone: to any of 100 addresses, or to one for each
    guest, so that who makes the trace knows to which address replies go.
    Connections without a reply stay "new" and take five recirculations,
    others three."""
    def table(number, match, actions):
        return "table=%d,%s,actions=%s" % (number, match, actions)

    new, old = "ct_state=+trk+new,ip", "ct_state=+trk+est-inv,ip"
    if is_per_guest:
        nat = [table(3, "%s,nw_src=10.0.0.%d" % (new, i + 1),
                     "ct(commit,zone=2,nat(src=%s%d),table=4)"
                     % (NAT_PREFIX, i + 1)) for i in range(GUESTS)]
    else:
        nat = [table(3, new, "ct(commit,zone=2,nat(src=%s1-%s%d),table=4)"
                     % (NAT_PREFIX, NAT_PREFIX, GUESTS))]
    return [
        table(0, "priority=20,ip,nw_dst=%s0/24" % NAT_PREFIX,
              "ct(zone=3,table=11)"),
        table(0, "priority=10,ip,nw_src=10.0.0.0/16", "ct(zone=1,table=1)"),
        table(1, new, "ct(commit,zone=1,table=2)"),
        table(1, old, "resubmit(,2)"),
        table(2, "ip", "ct(zone=2,nat,table=3)"),
        *nat,
        table(3, old, "resubmit(,4)"),
        table(4, "ip", "ct(zone=3,table=5)"),
        table(5, new, "ct(commit,zone=3),resubmit(,6)"),
        table(5, old, "resubmit(,6)"),
        table(6, "ip", last),
        table(11, old, "ct(zone=2,nat,table=12)"),
        table(12, old, "ct(zone=1,table=13)"),
        table(13, old, "resubmit(,6)")]


def guarded():
    """three_zones() behind a list of rules, each of which makes Open vSwitch
    match on as many bits as it needs to tell that it doesn't apply."""
    return [*three_zones(),
            "priority=40,udp,nw_src=%s,actions=drop" % ACL_SOURCE,
            "priority=39,udp,tp_dst=%d,actions=drop" % ACL_PORT,
            "priority=38,udp,tp_src=%d,actions=drop" % ACL_PORT]


def vxlan():
    """Native tunnelling: what the bridge's own port gets is decapsulated."""
    return ["in_port=%d,actions=LOCAL" % GENERATOR, *one_zone(TUNNEL)]


VXLAN_ADDRESS = ".".join(map(str, VXLAN_LOCAL))
