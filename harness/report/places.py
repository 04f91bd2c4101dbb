"""This module names in words where a case stands, the same in every table and picture of a report."""

from enum import StrEnum

from harness.judging.front import Placing
from harness.judging.membership import FrontClass


class Place(StrEnum):
    """Where a case stands."""

    FRONT = "on the front"
    POSSIBLE = "possibly on the front"
    DOMINATED = "dominated"
    BEYOND = "beyond a limit"
    INCOMPLETE = "incomplete"

    @property
    def worth(self) -> bool:
        """The case is worth a closer look: it is on the front or may be."""
        return self in {Place.FRONT, Place.POSSIBLE}


def place_of(placing: Placing) -> Place:
    """The place of a case: by resampling where it could be done, else by the figures alone."""
    if placing.case.incomplete:
        return Place.INCOMPLETE
    if placing.layer is None:
        return Place.BEYOND
    match placing.front_class:
        case FrontClass.ON_FRONT:
            return Place.FRONT
        case FrontClass.POSSIBLE:
            return Place.POSSIBLE
        case FrontClass.DOMINATED:
            return Place.DOMINATED
        case None:
            return Place.FRONT if placing.on_front else Place.DOMINATED
