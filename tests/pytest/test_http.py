# SPDX-License-Identifier: Apache-2.0
"""Real servers and clients at both ends of VNICs."""

from frames import BLUE, RED


def test_between_guests_and_the_far_end(sb):
    far = sb.link("l1", ip="10.0.0.1")
    red = sb.tenant("red", "l1", RED, ip="10.0.0.2")
    blue = sb.tenant("blue", "l1", BLUE, ip="10.0.0.3")
    hosts = {"10.0.0.1": far, "10.0.0.2": red, "10.0.0.3": blue}
    for ip, host in hosts.items():
        host.serve_http(ip, f"This is {host.name}.")

    for client in hosts.values():
        for ip, server in hosts.items():
            if client is not server:
                assert client.curl(ip) == f"This is {server.name}."
