"""params.yaml as a whole: every section, checked before any work."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ecom.errors import ParamsError
from ecom.evaluation import metrics
from ecom.models import candidates
from ecom.params.baseline import Baseline
from ecom.params.bootstrap import Bootstrap
from ecom.params.clean import Clean
from ecom.params.cross_fit import CrossFit
from ecom.params.cv import Cv
from ecom.params.data import Data
from ecom.params.evaluate import Evaluate
from ecom.params.explain import Explain
from ecom.params.features import Features
from ecom.params.folds import Folds
from ecom.params.learning_curve import LearningCurve
from ecom.params.over_time import OverTime
from ecom.params.package import Package
from ecom.params.review import Review
from ecom.params.section import Section, find_faults, shown, unknown_key
from ecom.params.split import Split
from ecom.params.threshold import Threshold
from ecom.params.tune import Tune
from ecom.params.validate import Validate
from ecom.project.files import PARAMS
from ecom.project.formats import parse_yaml


@dataclass(frozen=True)
class Params:
    """Every section of params.yaml, in the order of the file."""

    data: Data
    validate: Validate
    clean: Clean
    split: Split
    features: Features
    folds: Folds
    bootstrap: Bootstrap
    baseline: Baseline
    cv: Cv
    tune: Tune
    cross_fit: CrossFit
    over_time: OverTime
    learning_curve: LearningCurve
    threshold: Threshold
    evaluate: Evaluate
    explain: Explain
    package: Package
    review: Review


SECTIONS: Mapping[str, type[Section]] = {field.name: field.type for field in fields(Params)}  # type: ignore[misc]  # not text: no postponed annotations here


def read_params(root: Path) -> Params:
    """Read and check params.yaml.

    Parameters
    ----------
    root
        Root folder of the project.

    Raises
    ------
    ParamsError
        With a line for every fault: key, value and what is allowed.
    """
    try:
        content = parse_yaml((root / PARAMS).read_bytes())
    except ValueError as error:
        raise ParamsError(f"{PARAMS} is {error}") from None
    return parse_params(content)


def parse_params(content: object) -> Params:
    """Check the content of params.yaml.

    Raises
    ------
    ParamsError
        With a line for every fault: key, value and what is allowed.
    """
    if not isinstance(content, Mapping):
        raise ParamsError(
            f"{PARAMS} holds {shown(content)}; expected sections {', '.join(SECTIONS)}"
        )
    faults = [unknown_key(str(name), SECTIONS) for name in content if name not in SECTIONS]
    parsed: dict[str, Any] = {}
    for name, section in SECTIONS.items():
        parsed[name], found = find_faults(content, section)
        faults += found
    faults += candidates.find_faults(parsed["cv"], parsed["tune"])
    if parsed["review"]:
        faults += metrics.find_faults(parsed["review"])
    if faults:
        raise ParamsError.from_faults(faults)
    return Params(**parsed)
