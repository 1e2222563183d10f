"""The pipeline with new sessions added, run beside the project: nothing in it changes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from ruamel.yaml import YAML

from ecom.data.sources import fetch
from ecom.errors import DataError, ParamsError
from ecom.project.files import PACKAGE, PARAMS
from ecom.project.formats import parse_yaml
from ecom.project.params_file import parse_params, read_params
from ecom.project.states import folder_state, open_state
from ecom.review.obtaining import obtained, reproduce, work_tree
from ecom.review.outcome import UNDECIDABLE, WORSE, Comparison, compare_states
from ecom.review.packages import Contender, Judgement, judge_packages
from ecom.review.verdicts import Rules
from ecom.serving.package import open_package

ADDED: Final = "new_sessions.csv"  # in the work tree
NAME: Final = "HEAD with new sessions"


@dataclass(frozen=True)
class Retrained:
    """The pipeline's results with new sessions.

    Attributes
    ----------
    params
        Text of params.yaml, with the new sources and their hash.
    comparison
        With the commit, on the sessions that both were trained on.
    judgement
        Of the new package beside the champion, on those of the newest sessions that neither was
        fitted to.
    """

    params: str
    comparison: Comparison
    judgement: Judgement

    @property
    def exit_status(self) -> int:
        """1 if the new model is worse by either, 0 if it is known to be no worse by one, else 3."""
        found = {self.comparison.exit_status, self.judgement.exit_status}
        if WORSE in found:
            return WORSE
        return 0 if 0 in found else UNDECIDABLE

    def to_json(self) -> dict[str, Any]:
        """Return both verdicts as JSON has them."""
        return {
            "comparison": self.comparison.to_json(),
            "judgement": self.judgement.to_json(),
            "exit_status": self.exit_status,
        }


@dataclass(frozen=True)
class Extended:
    """A project with more sessions.

    Attributes
    ----------
    params
        Text of params.yaml, with the new sources and the hash of all.
    new
        The sessions that were added, as CSV.
    """

    params: str
    new: bytes


def with_sessions(
    root: Path, text: str, new: Sequence[str], settings: Mapping[str, Any]
) -> Extended:
    """Add sources to params.yaml, pin all of them together, and change other settings.

    Parameters
    ----------
    root
        Folder that relative sources start from.
    text
        Content of params.yaml.
    new
        Addresses of new sessions, in order of time.
    settings
        Values by dotted name.

    Raises
    ------
    ParamsError
        A setting is unknown or not allowed.
    DataError, NoSourceAnsweredError
        The sources cannot be read, do not fit together, or what was there has changed.
    """
    content = _yaml().load(text)
    for name, value in settings.items():
        *sections, key = name.split(".")
        place: Any = content
        for section in sections:
            place = place.get(section) if isinstance(place, dict) else None
        if not isinstance(place, dict) or key not in place:
            raise ParamsError.from_faults([f"{name}: there is no such parameter to set"])
        place[key] = value
    before = parse_params(parse_yaml(_written(content))).data
    if before.source != "real":
        raise ParamsError.from_faults(
            [f"data.source: {before.source} sessions are generated, so that none can be added"]
        )
    data = content["data"]
    data["sources"] = [_followed(source, new) for source in data["sources"]]
    data["sha256"] = None
    after = parse_params(parse_yaml(_written(content))).data
    with TemporaryDirectory() as folder:
        file = Path(folder) / "sessions.csv"
        fetch(before, root, file)
        old = file.read_bytes().rstrip(b"\n")
        data["sha256"] = fetch(after, root, file).sha256
        both = file.read_bytes()
    if not both.startswith(old):
        raise DataError("the sessions that were there before have changed: expected only new ones")
    header, _, _ = old.partition(b"\n")
    return Extended(_written(content), header + both[len(old) :])


@contextmanager
def retrained(
    root: Path, champion: Contender, new: Sequence[str], settings: Mapping[str, Any]
) -> Iterator[Retrained]:
    """Run the pipeline of the last commit with new sessions, and judge what comes out.

    Parameters
    ----------
    root
        Root folder of the project.
    champion
        The package that is in use.
    new
        Addresses of new sessions, in order of time.
    settings
        Other values of params.yaml, by dotted name.

    Raises
    ------
    DataError, NoSourceAnsweredError
        The sessions cannot be read.
    ParamsError
        A setting is not allowed.
    ProjectError
        The pipeline fails with them.
    """
    head = open_state(root, "HEAD")
    extended = with_sessions(root, head.read(PARAMS).decode(), new, settings)
    with work_tree(root, str(head.revision)) as tree:
        (tree / PARAMS).write_text(extended.params, encoding="utf-8")
        reproduce(root, tree, NAME)
        after = folder_state(tree, NAME)
        params = read_params(tree)
        rules = Rules.from_params(params)
        challenger = Contender(NAME, open_package(tree / PACKAGE))
        with obtained(root, head) as before:
            comparison = compare_states(before, after, rules)
        sessions = tree / ADDED
        sessions.write_bytes(extended.new)
        judgement = judge_packages(champion, challenger, str(sessions), rules, params.evaluate.bins)
        named = replace(judgement, place=", ".join(new))
        yield Retrained(extended.params, comparison, named)


def _followed(source: str | list[str], new: Sequence[str]) -> list[str]:
    """Return a source with new addresses behind it; a folder may be there, and hold more now."""
    before = [source] if isinstance(source, str) else list(source)
    return [*before, *(address for address in new if address not in before)]


def _written(content: Any) -> str:
    """Return YAML as it was read, with its comments."""
    yaml = _yaml()
    written = StringIO()
    yaml.dump(content, written)
    return written.getvalue()


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1000  # lines stay as long as they are
    return yaml
