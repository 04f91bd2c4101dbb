"""This module keeps pytest's list of failed tests true at every moment, so that `--lf` goes on after any end.

Pytest writes that list when a session ends; one that is killed leaves the list of the session before. Here a test
that measures counts as failed from the moment it is planned until it has passed.
"""

from collections.abc import Iterable
from typing import Any

_KEY = "cache/lastfailed"


class Unfinished:
    """Tests that are planned and have not passed.

    Args:
        cache: of pytest; None where its plugin is switched off.
    """

    def __init__(self, cache: Any) -> None:
        self._cache = cache
        self._expected: set[str] = set()

    def expect(self, tests: Iterable[str]) -> None:
        """Count tests as failed until they are done."""
        self._expected.update(tests)
        self._write(dict.fromkeys(self._expected, True))

    def done(self, test: str, *, failed: bool) -> None:
        """A test has ended."""
        if test in self._expected:
            self._expected.remove(test)
            self._write({test: True} if failed else {}, without=test)

    def keep(self) -> None:
        """Count what was interrupted as failed, after pytest has written its own list."""
        if self._expected:
            self._write(dict.fromkeys(self._expected, True))

    def _write(self, more: dict[str, bool], *, without: str = "") -> None:
        if self._cache is None:
            return
        known = self._cache.get(_KEY, {})
        self._cache.set(_KEY, {test: True for test in known if test != without} | more)
