"""This module says what a name may look like, and which known name a misspelt one is nearest to."""

from collections.abc import Iterable
from difflib import get_close_matches

ID = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
"""Of boards, suites, engines, models and precisions: it can be no hidden file, no path and no option."""

DEVICE_ID = r"[a-z0-9][a-z0-9-]{0,39}"
"""Of devices; it is also a lock's name and a folder's."""

_LISTED = 12


def hint(name: str, known: Iterable[str]) -> str:
    """What to try instead of an unknown name, as the end of a sentence.

    Returns:
        `did you mean X or Y?` where known names are near, else `known: A, B, C`, else `none is known`.
    """
    names = sorted(set(known))
    near = get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    if not names:
        return "none is known"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"known: {', '.join(names[:_LISTED])}{more}"
