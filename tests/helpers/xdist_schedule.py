"""Schedule pytest-xdist so that the tests of a combination share what they build."""

import re

from xdist.scheduler import LoadScopeScheduling

from tests.helpers.harness import COMBINATIONS

COMBINATION = re.compile("|".join(re.escape(str(it)) for it in COMBINATIONS))


class ByCombination(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types.
    """Send the tests of a combination to one worker, and each other test to any idle worker.

    So a combination is baked, installed and built once. The plugin's own `--dist loadgroup` would
    do the same with marks, but silently does not with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        """Return the group of a test; the largest groups run first."""
        found = COMBINATION.search(nodeid)
        return found[0] if found else nodeid
