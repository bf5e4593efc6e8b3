"""Which worker of pytest-xdist runs what: the tests of one combination share what they make."""

import re

from xdist.scheduler import LoadScopeScheduling

from tests.helpers.harness import COMBINATIONS

COMBINATION = re.compile("|".join(re.escape(str(it)) for it in COMBINATIONS))


class ByCombination(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types.
    """Send the tests of a combination to one worker, and each other test to any idle worker.

    A combination is baked, installed and built once, then. The plugin's own `--dist loadgroup`
    does as much with its marks, but not with pytest 9.2, and says nothing.
    """

    def _split_scope(self, nodeid: str) -> str:
        """The group of a test; the largest groups begin."""
        named = COMBINATION.search(nodeid)
        return named[0] if named else nodeid
