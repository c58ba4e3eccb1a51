# SPDX-License-Identifier: Apache-2.0
"""Random OpenFlow pipelines, and changes of them.

    table 0      by in_port: reg0 is 1 for what clients send, 2 for servers;
                 what no zone should see: ARP, other types, some drops
    7, 15, ...   which zone is next, in the opposite order for servers
    5            VLAN tags, mirrors of one flow, learning, controller, meters
    10, 20, ...  one conntrack zone each: look up, then by state commit (with
                 NAT, mark, label), show, drop
    100          rewrites
    110          where it leaves: by address, group, several, tagged, NORMAL

State that can grow stale is made visible: ct_state, ct_mark and ct_label of
each zone are moved into bytes of the Ethernet addresses.

A change is a list of commands; side.py knows how to do them."""

import hosts as h
import tunnels

OUTPUT = 110
REWRITE = 100
BRIDGE = "br0"
MIRROR_PORT = 5
# Those timeouts that conntrack knows: few, so that some are equal.
TIMEOUTS = ("tcp_syn_sent", "tcp_syn_recv", "tcp_established", "tcp_fin_wait",
            "tcp_time_wait", "tcp_close", "udp_first", "udp_single",
            "udp_multiple", "icmp_first", "icmp_reply")
SECONDS = (3, 5, 9, 30, 100, 3600)


def flow(table, priority, match, actions):
    return "table=%d,priority=%d%s,actions=%s" % (
        table, priority, "," + match if match else "", actions)


class Pipeline:
    def __init__(self, rnd, must_tunnel=False):
        self.rnd = rnd
        self.n_zones = rnd.choice((0, 1, 1, 2, 2, 3, 4))
        self.zones = rnd.sample(range(1, 20), self.n_zones)
        self.snat = rnd.randrange(self.n_zones) if self.n_zones else None
        self.dnat = rnd.randrange(self.n_zones) if self.n_zones else None
        self.flows, self.groups, self.meters = [], [], []
        self.tunnels = [tunnels.Tunnel(rnd, port) for port in (1, 2, 3, 4)] \
            if must_tunnel or rnd.random() < 0.35 else []
        self.is_mixed = False           # See rounds.py.
        self.has_mirror = rnd.random() < 0.15
        self.has_groups = rnd.random() < 0.5
        self.has_meters = rnd.random() < 0.25
        # conntrack puts fragments together; if one is missing, the others go
        # when a packet comes after their time, be it of any connection.  A
        # cache makes fewer packets come, so time must not pass then.
        self.fragments = rnd.choice(("none", "together", "untracked"))
        self.has_policies = (self.n_zones and self.fragments != "together"
                             and rnd.random() < 0.5)
        self.policies = [self.policy(rnd, zone) for zone in self.zones
                         if self.has_policies and rnd.random() < 0.6]
        self.down = set()
        self.shows = {}         # Of each zone, the actions.
        self.marked = {}        # Zones, with the match that marks() has added.
        self.is_renumbered = False
        self.build()

    def add(self, *args):
        self.flows.append(flow(*args))

    def maybe(self, p, *args):
        if self.rnd.random() < p:
            self.add(*args)

    def build(self):
        if self.has_groups:
            self.add_groups()
        if self.has_meters:
            self.meters = ["meter=1,pktps,burst,bands=type=drop,rate=%d,"
                           "burst_size=%d" % (self.rnd.choice((1000, 100000)),
                                              self.rnd.choice((50, 5000)))]
        self.add_classifier()
        if self.tunnels:
            self.add_tunnels()
        self.add_extras()
        self.dispatch()
        for i in range(self.n_zones):
            self.add_zone(i)
        self.add_rewrites()
        self.add_output()

    @staticmethod
    def policy(rnd, zone):
        """A command."""
        names = rnd.sample(TIMEOUTS, rnd.choice((2, 6, len(TIMEOUTS))))
        return ("set_policy", zone, *("%s=%d" % (name, rnd.choice(SECONDS))
                                      for name in sorted(names)))

    def add_tunnels(self):
        """What comes out of a tunnel is as if it came from its port."""
        for tunnel in self.tunnels:
            self.add(0, 10, "in_port=%d" % tunnel.number(),
                     "load:%d->NXM_NX_REG0[],resubmit(,5)" % (
                         2 - tunnel.port % 2))
        for match in ("ip,nw_dst=" + tunnels.HERE[4],
                      "ipv6,ipv6_dst=" + tunnels.HERE[6]):
            self.add(0, 400, match, "LOCAL")
        self.add(0, 401, "in_port=LOCAL", "output:%d" % self.rnd.choice(
            (2, 4, MIRROR_PORT)))
        # Not all that could come out does.
        self.maybe(0.3, 0, 402, "udp,tp_src=50001,nw_dst="
                   + tunnels.HERE[4], "output:%d" % MIRROR_PORT)
        self.maybe(0.3, 0, 403, "ip,nw_tos=0xb8,nw_dst=" + tunnels.HERE[4],
                   "drop")
        self.maybe(0.3, 5, 17, "tun_id=1,tcp", "mod_nw_tos:0x20,resubmit(,7)")

    def dispatch(self):
        """Servers' packets pass the zones in the opposite order, so that
        translations are undone."""
        tables = [10 * (i + 1) for i in range(self.n_zones)]
        for direction, way in (1, tables), (2, tables[::-1]):
            way = way + [REWRITE]
            match = "reg0=%d" % direction
            self.add(7, 1, match, "resubmit(,%d)" % way[0])
            for table, following in zip(way, way[1:]):
                self.add(table + 5, 1, match, "resubmit(,%d)" % following)

    def add_classifier(self):
        for port in 1, 2, 3, 4:
            self.add(0, 10, "in_port=%d" % port,
                     "load:%d->NXM_NX_REG0[],resubmit(,5)" % (
                         2 - port % 2))
        self.add(0, 20, "arp", self.rnd.choice((
            "NORMAL", "drop", "FLOOD", "output:2")))
        self.maybe(0.3, 0, 30, "udp,tp_dst=53", "drop")
        self.maybe(0.3, 0, 30, "dl_type=0x88b5", "drop")
        self.maybe(0.2, 0, 30, "ip,nw_tos=0x28", "drop")
        self.add(5, 0, "", "resubmit(,7)")

    def add_extras(self):
        on = "resubmit(,7)"
        self.maybe(0.6, 5, 10, "dl_vlan=10", "strip_vlan," + on)
        self.maybe(0.4, 5, 10, "dl_vlan=20", "mod_vlan_vid:30," + on)
        self.maybe(0.2, 5, 12, "tcp,tp_dst=5001,in_port=1",
                   "output:%d,%s" % (MIRROR_PORT, on))
        self.maybe(0.15, 5, 13, "udp,tp_dst=443,in_port=3",
                   "controller(max_len=64)," + on)
        self.maybe(0.2, 5, 14, "tcp,tp_dst=80,in_port=3",
                   "learn(table=6,priority=7,NXM_OF_ETH_DST[]="
                   "NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->"
                   "NXM_NX_REG5[0..15]),resubmit(,6)," + on)
        self.maybe(0.2, 5, 15, "ip,in_port=2,nw_dst=10.0.1.7",
                   "clone(mod_nw_tos:0x20,output:%d),%s" % (MIRROR_PORT, on))
        if self.has_meters:
            self.add(5, 16, "udp,in_port=1", "meter:1," + on)

    def nat_of(self, i, is_ipv6):
        rnd = self.rnd
        if i == self.snat:
            base = "fd00:8::" if is_ipv6 else "10.8.0."
            return self.range_of(base, is_ipv6, rnd.choice((
                "", "", ":5000-5999", ":2000-60000")))
        return ""

    def range_of(self, base, is_ipv6, ports):
        first, last = base + "1", base + self.rnd.choice(("1", "4", "9"))
        text = first if first == last else first + "-" + last
        if is_ipv6 and ports:
            text = "[%s]" % first if first == last \
                else "[%s]-[%s]" % (first, last)
        return "nat(src=%s%s)" % (text, ports)

    def commit(self, i, extra=""):
        rnd = self.rnd
        exec_ = []
        if rnd.random() < 0.6:
            exec_.append("load:%d->NXM_NX_CT_MARK[]" % rnd.randrange(1, 64))
        if rnd.random() < 0.3:
            exec_.append("load:%d->NXM_NX_CT_LABEL[0..7]"
                         % rnd.randrange(1, 256))
        if rnd.random() < 0.1:
            exec_.append("move:NXM_OF_IP_TOS[2..7]->NXM_NX_CT_LABEL[8..13]")
        parts = ["commit", "zone=%d" % self.zones[i]]
        if extra:
            parts.append(extra)
        if exec_:
            parts.append("exec(%s)" % ",".join(exec_))
        return "ct(%s)" % ",".join(parts)

    def show(self, i):
        """Zone i's state in the addresses; the last bytes stay."""
        rnd, actions = self.rnd, []
        if rnd.random() < 0.8:
            actions.append("move:NXM_NX_CT_STATE[0..7]->NXM_OF_ETH_SRC"
                           "[%d..%d]" % (8 + 8 * i, 15 + 8 * i))
        if rnd.random() < 0.6:
            actions.append("move:NXM_NX_CT_MARK[0..7]->NXM_OF_ETH_DST"
                           "[%d..%d]" % (8 + 8 * i, 15 + 8 * i))
        if rnd.random() < 0.3:
            actions.append("move:NXM_NX_CT_LABEL[0..7]->NXM_NX_REG4"
                           "[%d..%d]" % (8 * i, 8 * i + 7))
        return "".join(action + "," for action in actions)

    def add_zone(self, i):
        rnd = self.rnd
        table, zone = 10 * (i + 1), self.zones[i]
        states, on = table + 1, "resubmit(,%d)" % (table + 5)
        nat = ",nat" if i in (self.snat, self.dnat) or rnd.random() < 0.2 \
            else ""
        for kind in "ip", "ipv6":
            self.add(table, 10, kind, "ct(zone=%d%s,table=%d)"
                     % (zone, nat, states))
        self.add(table, 0, "", on)
        show = self.shows[zone] = self.show(i)
        self.add(states, 40, "ct_state=+inv+trk", rnd.choice((
            "drop", show + on, show + on)))
        self.maybe(0.3, states, 35, "ct_state=+rel+trk", show + on)
        self.add(states, 30, "ct_state=+est-rel+trk", show + on)
        self.maybe(0.3, states, 31, "ct_state=+est+rpl+trk,ip",
                   show + "load:%d->NXM_NX_REG3[]," % (i + 1) + on)
        self.maybe(0.25, states, 32, "ct_state=+est+trk,tcp,ct_mark=5",
                   "drop")
        self.maybe(0.2, states, 33, "ct_state=+est+trk,udp,tp_dst=443",
                   self.commit(i) + "," + show + on)
        self.add_new(i, states, show, on)
        self.add(states, 0, "", show + on)

    def add_new(self, i, table, show, on):
        rnd = self.rnd
        for is_ipv6, kind in enumerate(("ip", "ipv6")):
            new = "ct_state=+new+trk,reg0=1," + kind
            self.add(table, 20, new, "%s,%s%s" % (
                self.commit(i, self.nat_of(i, is_ipv6)), show, on))
            if i == self.dnat:
                for n in range(h.VIPS):
                    port = rnd.choice((2, 4))
                    server = (h.ip6 if is_ipv6 else h.ip4)(
                        port, rnd.randrange(h.SERVERS))
                    dst = "ipv6_dst" if is_ipv6 else "nw_dst"
                    self.add(table, 25, "%s,%s=%s" % (
                        new, dst, h.vip(is_ipv6, n)), "%s,%s%s" % (
                            self.commit(i, "nat(dst=%s)" % server), show, on))
            self.add(table, 20, "ct_state=+new+trk,reg0=2," + kind,
                     rnd.choice(("drop", show + on,
                                 self.commit(i) + "," + show + on)))

    def add_rewrites(self):
        rnd, on = self.rnd, ",resubmit(,%d)" % OUTPUT
        choices = ("dec_ttl", "mod_nw_tos:0x48", "mod_nw_tos:4",
                   "move:NXM_NX_REG4[0..5]->NXM_OF_IP_TOS[2..7]",
                   "mod_nw_ttl:33", "mod_dl_dst:02:aa:00:00:00:01",
                   "mod_dl_src:02:bb:00:00:00:01,dec_ttl", "mod_nw_ecn:1",
                   "move:NXM_OF_IN_PORT[0..7]->NXM_OF_ETH_SRC[0..7]")
        matches = ("ip,reg0=1", "tcp", "udp", "ip,nw_dst=10.1.2.0/24",
                   "ipv6,reg0=2", "ip,nw_proto=1", "tcp6", "ip,nw_tos=0x10",
                   "ip,nw_frag=not_later,reg3=1", "ipv6", "ip,reg0=2")
        for match in rnd.sample(matches, rnd.choice((0, 2, 5, 8))):
            n = rnd.choice((1, 1, 2, 3))
            self.add(REWRITE, rnd.randrange(1, 50), match,
                     ",".join(rnd.sample(choices, n)) + on)
        # Rewrites that no conntrack undoes.
        self.maybe(0.2, REWRITE, 60, "udp,tp_dst=5001,reg0=1",
                   "mod_tp_dst:5002" + on)
        self.maybe(0.2, REWRITE, 61, "tcp,tp_dst=443,reg0=1",
                   "mod_tp_dst:444,mod_nw_dst:10.1.4.9" + on)
        self.maybe(0.1, REWRITE, 62, "udp6,tp_dst=443,reg0=1",
                   "set_field:fd00:1::4:1->ipv6_dst,mod_tp_src:99" + on)
        self.add(REWRITE, 0, "", on[1:])

    def add_output(self):
        rnd = self.rnd
        for port in 1, 2, 3, 4:
            for kind, net in (("ip,nw_dst", h.ip4(port, 0) + "/24"),
                              ("ipv6,ipv6_dst", h.ip6(port, 0) + "/112")):
                self.add(OUTPUT, 10, "%s=%s" % (kind, net),
                         self.output(port))
        # What was translated, or should have been.
        self.add(OUTPUT, 5, "reg0=1", self.output(rnd.choice((2, 4))))
        self.add(OUTPUT, 5, "reg0=2", rnd.choice(("output:1", "drop",
                                                  "output:1,output:3")))
        self.maybe(0.3, OUTPUT, 20, "tcp,tp_dst=80,in_port=1",
                   "output:%d,mod_nw_tos:0x1c,output:%d"
                   % (MIRROR_PORT, rnd.choice((2, 4))))
        self.maybe(0.15, OUTPUT, 21, "udp,tp_dst=53", "NORMAL")

    def output(self, port):
        rnd = self.rnd
        choices = ["output:%d" % port] * 6
        if self.tunnels:
            choices += ["output:%d" % (port + tunnels.FIRST_PORT)] * 4
        if self.has_groups:
            choices += ["group:%d" % rnd.randrange(1, 5)] * 2
        choices += ["push_vlan:0x8100,set_field:4106->vlan_vid,output:%d"
                    % port, "output:%d,output:%d" % (port, MIRROR_PORT),
                    "output(port=%d,max_len=80)" % port,
                    "NORMAL", "mod_dl_dst:02:ee:00:00:00:01,output:%d" % port]
        return rnd.choice(choices)

    def add_groups(self):
        rnd = self.rnd
        self.groups = [
            "group_id=1,type=all,bucket=output:2,"
            "bucket=set_field:02:cc:00:00:00:01->eth_src,output:4",
            "group_id=2,type=select,bucket=weight=%d,output:2,"
            "bucket=weight=1,output:4" % rnd.choice((1, 3)),
            "group_id=3,type=select,selection_method=hash,"
            "fields(ip_src,ip_dst),bucket=output:2,bucket=output:4",
            "group_id=4,type=ff,bucket=watch_port=2,output:2,"
            "bucket=watch_port=4,output:4"]

    # Changes.

    def change(self, rnd):
        """(what it is, [commands]).  A command is (method of Side, ...)."""
        choices = [self.change_flow, self.change_flow, self.add_drop,
                   self.flush_connections, self.flush_connections,
                   self.revalidate, self.set_ports]
        if self.fragments != "together":
            choices.append(self.pass_time)
        if self.has_policies:
            choices += [self.pass_time] * 3 + [self.change_policy] * 3
        if self.has_groups:
            choices.append(self.change_group)
        if self.tunnels:
            choices.append(self.change_tunnel)
        if self.n_zones:
            choices += [self.change_tracking, self.change_marks]
        return rnd.choice(choices)(rnd)

    def change_flow(self, rnd):
        i = rnd.randrange(len(self.flows))
        match, actions = self.flows[i].split(",actions=", 1)
        if rnd.random() < 0.3:
            return "delete and add a flow", [
                ("ofctl", "--strict", "del-flows", BRIDGE, match),
                ("settle",),
                ("ofctl", "add-flow", BRIDGE, self.flows[i])]
        if actions.startswith(("output", "resubmit")):
            mark = rnd.choice(("mod_dl_src:02:dd:00:00:00:%02x,"
                               % rnd.randrange(256), "output:5,"))
            self.flows[i] = match + ",actions=" + mark + actions
        elif "->NXM_NX_CT_MARK" in actions:
            head, tail = actions.split("->NXM_NX_CT_MARK", 1)
            head = "%s:%d" % (head.rsplit(":", 1)[0], rnd.randrange(1, 64))
            self.flows[i] = "%s,actions=%s->NXM_NX_CT_MARK%s" % (match, head,
                                                                 tail)
        return "change a flow's actions", [
            ("ofctl", "--strict", "mod-flows", BRIDGE, self.flows[i])]

    def has_marks_of_headers(self):
        return any("NXM_OF_IP_TOS[2..7]->NXM_NX_CT" in flow
                   for flow in self.flows)

    def add_drop(self, rnd):
        match = rnd.choice((
            "tcp,tp_dst=80", "udp,tp_dst=443", "in_port=1,ip",
            "ip,nw_src=10.0.1.0/27", "tcp,tcp_flags=+syn-ack",
            "tcp,tcp_flags=+psh", "ipv6",
            "ip,nw_ttl=64", "ip,nw_tos=16"))
        drop = flow(0, rnd.randrange(100, 200), match, "drop")
        if rnd.random() < 0.5 and "in_port" not in match:
            drop = flow(0, 300, match, "resubmit(,5)")
        return "add a flow above", [("ofctl", "add-flow", BRIDGE, drop)]

    def change_group(self, rnd):
        i = rnd.randrange(len(self.groups))
        bucket = rnd.choice((",bucket=output:2", ",bucket=output:4",
                             ",bucket=output:2,bucket=output:4"))
        group = self.groups[i].split(",bucket")[0] + bucket
        if "type=ff" in group:
            group = self.groups[i].split(",bucket")[0] + (
                ",bucket=watch_port=4,output:4")
        return "change a group", [("ofctl", "mod-group", BRIDGE, group)]

    def flush_connections(self, rnd):
        which = rnd.randrange(3)
        if which == 0 or not self.n_zones:
            return "flush all connections", [
                ("appctl", "dpctl/flush-conntrack")]
        zone = "zone=%d" % rnd.choice(self.zones)
        if which == 1:
            return "flush a zone", [("appctl", "dpctl/flush-conntrack",
                                     zone)]
        return "flush some tuples", [
            ("flush_some", int(zone[5:]), rnd.randrange(2, 9),
             rnd.choice(("orig", "orig", "reply")))]

    def pass_time(self, rnd):
        times = [100, 900, 5000, 31000, 70000, 200000]
        if self.has_policies:
            times += [400, 1100, 1100, 2200, 3300, 10000]
        return "let time pass", [("warp", rnd.choice(times))]

    def change_policy(self, rnd):
        """Open vSwitch gives a connection the policy of its zone when it is
        committed, and deletes policies that no zone has after some seconds."""
        zone = rnd.choice(self.zones)
        if rnd.random() < 0.4:
            return "no timeout policy", [("del_policy", zone)]
        return "timeout policy", [self.policy(rnd, zone)]

    def revalidate(self, rnd):
        return "purge", [rnd.choice((("appctl", "revalidator/purge"),
                                     ("appctl", "fdb/flush", BRIDGE)))]

    def set_ports(self, rnd):
        port = rnd.choice((2, 4))
        what = rnd.randrange(5)
        if what > 2 and not self.down:
            return self.renumber_ports(what == 3)
        if what == 0 and port not in self.down:
            return "delete and add port %d" % port, [
                ("del_port", port), ("settle",), ("add_port", port)]
        if port in self.down:
            self.down.remove(port)
            return "port %d up" % port, [
                ("ofctl", "mod-port", BRIDGE, "p%d" % port, "up")]
        self.down.add(port)
        return "port %d down" % port, [
            ("ofctl", "mod-port", BRIDGE, "p%d" % port, "down")]

    def renumber_ports(self, in_datapath):
        """The datapath gives a port the lowest number that is free."""
        if in_datapath:
            commands = [("del_port", 2), ("del_port", 4), ("settle",),
                        ("add_port", 4), ("add_port", 2)]
            self.is_renumbered = False
        else:
            self.is_renumbered = not self.is_renumbered
            commands = [("renumber", self.is_renumbered)]
        return "renumber ports", commands

    def change_marks(self, rnd):
        """Connections that are there get other marks or labels, until the flow
        that does it is deleted."""
        zone = rnd.choice(self.zones)
        table = 10 * (self.zones.index(zone) + 1) + 1
        if zone in self.marked:
            return "no new marks", [
                ("ofctl", "--strict", "del-flows", BRIDGE,
                 "table=%d,priority=36,%s" % (table, self.marked.pop(zone)))]
        self.marked[zone] = "ct_state=+est-rel+trk," + rnd.choice((
            "tcp,tp_dst=80", "udp", "ip,reg0=2", "ipv6", "ip,reg0=1", "tcp",
            "tcp,tcp_flags=+psh"))
        return "new marks", [
            ("ofctl", "add-flow", BRIDGE, flow(
                table, 36, self.marked[zone],
                "ct(commit,zone=%d,exec(%s)),%sresubmit(,%d)" % (
                    zone, rnd.choice((
                        "load:%d->NXM_NX_CT_MARK[]" % rnd.randrange(1, 64),
                        "load:%d->NXM_NX_CT_LABEL[0..7]" % rnd.randrange(256),
                        "load:%d->NXM_NX_CT_LABEL[64..71],"
                        "load:1->NXM_NX_CT_MARK[7]" % rnd.randrange(256),
                        "load:0->NXM_NX_CT_MARK[]"
                        if "ipv6" in self.marked[zone] or self.is_mixed else
                        "move:NXM_OF_IP_TOS[2..7]->NXM_NX_CT_MARK[0..5]")),
                    self.shows[zone], table + 4)))]

    def change_tunnel(self, rnd):
        tunnel = rnd.choice(self.tunnels)
        return "delete and add tunnel %d" % tunnel.number(), [
            ("del_tunnel", tunnel), ("settle",), ("add_tunnel", tunnel)]

    def change_tracking(self, rnd):
        zone = rnd.choice(self.zones)
        return rnd.choice((
            ("limit a zone", [("appctl", "dpctl/ct-set-limits",
                               "zone=%d,limit=%d" % (zone,
                                                     rnd.choice((5, 500))))]),
            ("limit all zones", [("appctl", "dpctl/ct-set-limits",
                                  "default=%d" % rnd.choice((20, 300)))]),
            ("no limits", [("appctl", "dpctl/ct-del-limits",
                            "zone=%d" % zone)]),
            ("no sequence checks", [("appctl",
                                     "dpctl/ct-disable-tcp-seq-chk")]),
            ("sequence checks", [("appctl",
                                  "dpctl/ct-enable-tcp-seq-chk")])))
