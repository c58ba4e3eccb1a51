# SPDX-License-Identifier: Apache-2.0

import time


def wait_for(condition, what, timeout=10):
    """Waits until condition() is true and returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{timeout} s passed without {what}"
        time.sleep(0.05)
