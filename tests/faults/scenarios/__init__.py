"""What is done to clusters, by name. A scenario takes a cluster without nodes and the setting, and
returns figures for its line; a promise that does not hold is a `Failed`.
"""

import dataclasses

from . import clocks, counts, crashes, images, keyspace, names, network, partitions, secrets


@dataclasses.dataclass
class Setting:
    """How the scenarios run."""

    program: str
    quick: bool
    static: str | None

    def choose(self, whole, quick):
        """The figure of this run."""
        return quick if self.quick else whole


SCENARIOS = {
    scenario.__name__.replace("_", "-"): scenario
    for module in (counts, keyspace, crashes, network, partitions, secrets, clocks, names,
                   images)
    for scenario in module.ALL
}
