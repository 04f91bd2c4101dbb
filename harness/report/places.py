"""This module names in words where a case stands, the same in every table and picture of a report."""

from collections.abc import Mapping
from enum import StrEnum

from harness.judging.front import Placing
from harness.judging.membership import FrontClass


class Place(StrEnum):
    """Where a case stands."""

    FRONT = "on the front"
    POSSIBLE = "possibly on the front"
    BY_FIGURES = "on the front by its figures"
    DOMINATED = "dominated"
    BEHIND = "dominated by its figures"
    ALONE = "no other to compare"
    BEYOND = "beyond a limit"
    INCOMPLETE = "incomplete"

    @property
    def worth(self) -> bool:
        """The case is worth a closer look: it is on the front or may be."""
        return self in {Place.FRONT, Place.POSSIBLE, Place.BY_FIGURES, Place.ALONE}


RESAMPLED: Mapping[FrontClass, Place] = {
    FrontClass.ON_FRONT: Place.FRONT,
    FrontClass.POSSIBLE: Place.POSSIBLE,
    FrontClass.DOMINATED: Place.DOMINATED,
}


def place_of(placing: Placing) -> Place:
    """The place of a case by resampling; where it could not be done, by the figures alone, in words of their own."""
    if placing.case.incomplete:
        return Place.INCOMPLETE
    if placing.layer is None:
        return Place.BEYOND
    if placing.alone:
        return Place.ALONE
    if placing.standing is None:
        return Place.BY_FIGURES if placing.on_front else Place.BEHIND
    if placing.standing.front_class is FrontClass.DOMINATED and not placing.standing.between:
        return Place.BEHIND  # how the next sitting would differ is not known
    return RESAMPLED[placing.standing.front_class]
