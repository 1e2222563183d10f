"""Section ``split``: the random split into training and test rows."""

from ecom.params.section import OpenShare, Section, Seed


class Split(Section):
    """The random split into training and test rows."""

    name = "split"

    test_size: OpenShare
    seed: Seed
