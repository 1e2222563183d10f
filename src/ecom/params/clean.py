"""Section ``clean``: what cleaning drops."""

from ecom.params.section import Section


class Clean(Section):
    """What cleaning drops."""

    name = "clean"

    drop_duplicates: bool
    drop_invalid: bool
