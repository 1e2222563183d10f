"""Which model is champion: promoted after a comparison, or rolled back, with the reason kept."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ecom.errors import ProjectError
from ecom.project.files import CROSS_FIT
from ecom.project.params_file import read_params
from ecom.project.states import State, folder_state
from ecom.review.outcome import Comparison, compare_states
from ecom.review.packages import Contender, judge_packages
from ecom.review.verdicts import Rules
from ecom.review.wording import headline, judgement_headline
from ecom.tracking.packages import (
    number_of,
    registered_package,
    version_by_alias,
    version_by_number,
)
from ecom.tracking.runs import COMPARED, CROSS_FIT_PR_AUC
from ecom.tracking.store import CHALLENGER, REGISTERED, Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION: Final = "champion"
REASON: Final = "ecom.champion.reason"
SINCE: Final = "ecom.champion.since"
DELIBERATE: Final = "ecom.champion.because"  # of a version that was promoted whatever the verdict
# Tags of the registered model: the champions that a rollback can bring back, and every move.
CHAMPIONS: Final = "ecom.champions"
MOVES: Final = "ecom.champion.moves"
TAG_LIMIT: Final = 5000  # characters that MLflow keeps of a tag


class RecordedState(State):
    """A state as MLflow holds it: without its code, and fresh when it was recorded."""

    def stale(self) -> list[str]:
        """Return an empty list: only fresh states are recorded."""
        return []

    def holds(self, path: str) -> bool:
        """Tell whether a file was logged."""
        return bool(self._files.exists(path))


@dataclass(frozen=True)
class Move:
    """A version that became champion, the champion before it, and why."""

    version: str
    before: str | None
    reason: str

    def __str__(self) -> str:
        """Return it in one line."""
        return f"champion of {REGISTERED} is version {self.version}: {self.reason}"


def promote(
    root: Path,
    version: str | None = None,
    because: str | None = None,
    sessions: str | None = None,
) -> Move:
    """Make a version champion if it is better or no worse.

    It is compared with the champion, and with the best champion so far: small losses, each of them
    harmless, would otherwise add up.

    Parameters
    ----------
    root
        Root folder of the project.
    version
        Number of a version of the registered model; by default the one with the alias
        ``challenger``.
    because
        Why it becomes champion whatever the verdict; kept beside the verdict. Champions before it
        are no longer compared with.
    sessions
        Address of labelled sessions. Packages are judged on them if the versions cannot be compared
        on training sessions that both have.

    Raises
    ------
    ProjectError
        The version is worse, or that cannot be told, and no reason is given; or it is champion
        already, or does not exist.
    TrackingError
        MLflow does not answer.
    """
    if because is not None:
        because = " ".join(because.split())
        if not because:
            raise ProjectError('--because "" gives no reason: say why')
    store = Store(root)
    with store.client() as client:
        candidate = (
            version_by_number(client, version) if version else version_by_alias(client, CHALLENGER)
        )
        if candidate is None:
            wanted = f"version {version}" if version else CHALLENGER
            raise ProjectError(
                f"MLflow at {store.address} has no {wanted} of {REGISTERED}: "
                "`python -m ecom track` registers the model of this checkout"
            )
        champion = version_by_alias(client, CHAMPION)
        if champion is None:
            reason = "the first champion" + (f"; {because}" if because else "")
            return _move(client, candidate, [], reason)
        if number_of(champion) == number_of(candidate):
            raise ProjectError(f"version {candidate.version} of {REGISTERED} is champion already")
        champions = _champions(client, number_of(champion))
        verdicts = []
        for rival in _rivals(client, champion, champions):
            told, status = _judged(root, store, client, (rival, candidate), sessions)
            verdicts.append(f"beside version {rival.version}: {told}")
            if status and because is None:
                raise ProjectError(
                    f"version {candidate.version} is not promoted over {rival.version}: "
                    f'{told}. To do it all the same, give --because "REASON"'
                )
        reason = "; ".join([*([because] if because else []), *verdicts])
        move = _move(client, candidate, champions, reason)
        if because:
            number = candidate.version
            client.set_model_version_tag(REGISTERED, number, DELIBERATE, because[:TAG_LIMIT])
        return move


def rollback(root: Path) -> Move:
    """Make the previous champion champion again.

    Raises
    ------
    ProjectError
        There is no champion, or no previous one.
    TrackingError
        MLflow does not answer.
    """
    with Store(root).client() as client:
        champion = version_by_alias(client, CHAMPION)
        if champion is None:
            raise ProjectError(f"{REGISTERED} has no champion to roll back: promote one first")
        before = _champions(client, number_of(champion))[:-1]
        target = version_by_number(client, before[-1]) if before else None
        if target is None:
            raise ProjectError(
                f"version {champion.version} of {REGISTERED} is the first champion: there is no "
                "previous one"
            )
        reason = f"rolled back from version {champion.version}"
        return _move(client, target, before[:-1], reason)


def _rivals(client: "MlflowClient", champion: Any, champions: list[str]) -> list[Any]:
    """Return the champion, and the best champion so far, by PR-AUC, if that is another one."""
    versions: list[Any] = []
    for version in (version_by_number(client, number) for number in champions):
        if version is not None:
            # What was promoted for a reason starts a new line.
            versions = [version] if DELIBERATE in version.tags else [*versions, version]
    best = max(versions, key=lambda version: _pr_auc(client, version), default=champion)
    return [champion] if number_of(best) == number_of(champion) else [champion, best]


def _pr_auc(client: "MlflowClient", version: Any) -> float:
    """Return the PR-AUC on cross-fitted scores that was recorded with a version."""
    if not version.run_id:
        return 0.0
    return float(client.get_run(version.run_id).data.metrics.get(CROSS_FIT_PR_AUC, 0.0))


def _judged(
    root: Path, store: Store, client: "MlflowClient", pair: tuple[Any, Any], sessions: str | None
) -> tuple[str, int]:
    """Return the verdict in a line, and the exit status that says it."""
    comparison = _compare(root, client, *pair)
    if comparison.incomparable is None:
        return headline(comparison), comparison.exit_status
    if sessions is None:
        hint = "give --sessions with labelled sessions that neither was fitted to"
        return f"{headline(comparison)}: {hint}", comparison.exit_status
    params = read_params(root)
    champion, challenger = (
        Contender(f"version {each.version}", registered_package(store, each)) for each in pair
    )
    judgement = judge_packages(
        champion, challenger, sessions, Rules.from_params(params), params.evaluate.bins
    )
    return f"{judgement_headline(judgement)}, on {sessions}", judgement.exit_status


def _compare(root: Path, client: "MlflowClient", champion: Any, candidate: Any) -> Comparison:
    with TemporaryDirectory() as folder:
        return compare_states(
            _download(client, champion, Path(folder) / "champion"),
            _download(client, candidate, Path(folder) / "candidate"),
            Rules.from_params(read_params(root)),
        )


def _download(client: "MlflowClient", version: Any, folder: Path) -> State:
    folders = {str(Path(path).parent) for path in COMPARED}
    held = {
        each.path
        for parent in folders
        for each in client.list_artifacts(version.run_id, None if parent == "." else parent)
    }
    for path in COMPARED:
        if path == CROSS_FIT and path not in held:
            continue  # older code did not write it: nothing can be told then
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # Some stores keep the artifact's folders, others only its name.
        with TemporaryDirectory() as received:
            shutil.copy(client.download_artifacts(version.run_id, path, received), target)
    state = folder_state(folder, f"version {version.version}")
    return RecordedState(state.name, None, state._files)


def _champions(client: "MlflowClient", champion: str) -> list[str]:
    """Return the versions that were champion one after another, up to the current one."""
    kept = client.get_registered_model(REGISTERED).tags.get(CHAMPIONS, "")
    versions = [version for version in kept.split(",") if version]
    if champion in versions:  # not the last one if the alias was moved by hand
        last = len(versions) - versions[::-1].index(champion)
        return versions[:last]
    return [champion]


def _move(client: "MlflowClient", version: Any, before: list[str], reason: str) -> Move:
    """Make a version champion, and keep which came before, when and why."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    client.set_registered_model_alias(REGISTERED, CHAMPION, version.version)
    moves = client.get_registered_model(REGISTERED).tags.get(MOVES, "")
    moves = _newest([*moves.splitlines(), f"{now} version {version.version}: {reason}"], "\n")
    client.set_registered_model_tag(REGISTERED, MOVES, moves)
    champions = _newest([*before, number_of(version)], ",")
    client.set_registered_model_tag(REGISTERED, CHAMPIONS, champions)
    for tag, value in ((REASON, reason[:TAG_LIMIT]), (SINCE, now)):
        client.set_model_version_tag(REGISTERED, version.version, tag, value)
    return Move(number_of(version), before[-1] if before else None, reason)


def _newest(items: list[str], separator: str) -> str:
    """Join the newest items, the last ones, as far as they fit into a tag."""
    kept = items[-1][:TAG_LIMIT]
    for item in reversed(items[:-1]):
        if len(item) + len(separator) + len(kept) > TAG_LIMIT:
            break
        kept = item + separator + kept
    return kept
