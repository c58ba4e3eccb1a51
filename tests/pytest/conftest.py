# SPDX-License-Identifier: Apache-2.0
"""Fixtures.  'make check-system' says where the programs are."""

import os
import random

import pytest

pytest.register_assert_rewrite("frames", "guest", "netns", "sandbox",
                               "waiting")

from sandbox import Sandbox                           # noqa: E402


def pytest_sessionstart(session):
    for variable in "VNIC_BUILDDIR", "OVS_DIR":
        if not os.path.isdir(os.environ.get(variable, "")):
            pytest.exit(f"{variable} names no directory; "
                        "run these tests with make check-system", 2)
    if os.geteuid():
        pytest.exit("these tests make network namespaces; run them as root",
                    2)


@pytest.fixture
def sb():
    """A host of the test's own with our daemon, see sandbox.py."""
    with Sandbox() as sandbox:
        yield sandbox
        print(sandbox.log())


@pytest.fixture(autouse=True)
def same_random_frames():
    """A failure can be repeated."""
    random.seed(8005022)
