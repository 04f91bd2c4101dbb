"""This module tells how much of a sitting other work took from the inferences, by the kernel's own account.

For each thread the kernel counts the time it ran, and the time it was ready to run and had to wait because another had
the processor (Linux, Documentation/scheduler/sched-stats.rst). Both are read of the thread that infers, when its
sitting is opened and when it is closed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from harness.record import SittingClosed, SittingOpened

DISTURBED = 0.02
"""A sitting in which other work took a larger share of the time than this is disturbed."""

RAN, WAITED = "thread_ran_s", "thread_waited_s"
"""Keys of the environment: seconds since the thread began."""


def disturbances(opened: Sequence[SittingOpened], closed: Sequence[SittingClosed]) -> Mapping[int, float]:
    """Waiting as a share of running and waiting, by sitting; one of which the kernel kept no account is left out.

    Args:
        opened: records of one case.
        closed: of the same case; of a sitting in parts those that came to their end are taken together.
    """
    begins = {(each.sitting, each.part): each.environment for each in opened}
    spent: defaultdict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for end in closed:
        begin = begins.get((end.sitting, end.part), {})
        for place, key in enumerate((RAN, WAITED)):
            if key in begin and key in end.environment:
                spent[end.sitting][place] += end.environment[key] - begin[key]
    return {
        sitting: waited / (ran + waited)
        for sitting, (ran, waited) in sorted(spent.items())
        if ran + waited > 0
    }
