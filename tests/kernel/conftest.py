"""The tests in `inside` are for the guest, where `run_guest.py` runs them."""

import os

collect_ignore = [] if "HARNESS_GUEST" in os.environ else ["inside"]
