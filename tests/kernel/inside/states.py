"""Register states worth comparing: ends of the ranges, both signs, small counts, and some from everywhere."""

from itertools import product

SHUNTS = (
    -0x8000,
    -0x7FFF,
    -8000,
    -401,
    -200,
    -3,
    -1,
    0,
    1,
    3,
    199,
    200,
    201,
    4000,
    8000,
    12345,
    32000,
    0x7FFE,
    0x7FFF,
)
BUSES = (0, 1, 3, 399, 2640, 3999, 4000, 9584, 26399, 28800, 0x7FFF)
STATES = tuple(product(SHUNTS, BUSES))
"""SHUNT, signed, and BUS."""
