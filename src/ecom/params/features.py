"""Section ``features``: which raw columns models may use."""

from ecom.params.section import Section
from ecom.schema import FeatureSet


class Features(Section):
    """Which raw columns models may use; `ecom.schema` states when each column is known."""

    name = "features"

    set: FeatureSet
