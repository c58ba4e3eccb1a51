# SPDX-License-Identifier: Apache-2.0
"""Operations of OVSDB transactions (RFC 7047) that the benchmarks take."""


def insert(table, row, name=None):
    operation = {"op": "insert", "table": table, "row": row}
    if name:
        operation["uuid-name"] = name
    return operation


def update(table, row, *where):
    return {"op": "update", "table": table, "where": list(where), "row": row}


def mutate(table, column, mutator, values):
    return {"op": "mutate", "table": table, "where": [],
            "mutations": [[column, mutator, ["set", list(values)]]]}


def mac(i, first=0x02):
    return ":".join("%02x" % b for b in (first, 0, *i.to_bytes(4, "big")))


def ovsdb_map(pairs):
    return ["map", list(map(list, pairs.items()))]


def new_ports(names, port_type, first_number=None, **options):
    """Operations that put ports on the bridge, with OpenFlow numbers from
    'first_number' on."""
    for i, name in enumerate(names):
        row = {"name": name, "type": port_type,
               "options": ovsdb_map(options)}
        if first_number is not None:
            row["ofport_request"] = first_number + i
        yield insert("Interface", row, "iface%d" % i)
        yield insert("Port", {"name": name, "interfaces":
                              ["named-uuid", "iface%d" % i]}, "port%d" % i)
    yield mutate("Bridge", "ports", "insert",
                 (["named-uuid", "port%d" % i] for i in range(len(names))))


def name_of(i):
    return "v%d" % i
