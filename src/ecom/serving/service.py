"""The package that answers, and how another takes its place while requests come."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ecom.errors import PackageError
from ecom.serving import scoring
from ecom.serving.answers import Answer, Explanation, Heard, Prediction, Predictions
from ecom.serving.feedback import Scored, read_feedback
from ecom.serving.limits import Limits
from ecom.serving.manifest import MANIFEST
from ecom.serving.monitoring import Monitoring
from ecom.serving.package import Package, open_package
from ecom.serving.scoring import Answers
from ecom.serving.sessions import Batch, Inputs, Reader

if TYPE_CHECKING:
    from ecom.serving.store import Store

log = logging.getLogger("ecom.serving")


class Loaded(NamedTuple):
    """A package, and what reads sessions along its manifest."""

    package: Package
    reader: Reader

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Open a package.

        Raises
        ------
        PackageError
            As of `ecom.serving.package.open_package`.
        """
        package = open_package(folder)
        try:
            return cls(package, Reader(package.manifest.columns))
        except (TypeError, ValueError, OverflowError) as error:
            raise PackageError(f"{MANIFEST}: its columns cannot be read: {error}") from None


class AnsweredBatch(NamedTuple):
    """A batch, the answers to its good sessions, and what gave them."""

    loaded: Loaded
    batch: Batch
    answers: Answers


class Service:
    """Answers with one package at a time: a session at once, batches on a thread of their own.

    Parameters
    ----------
    folder
        Folder of the package.
    limits
        What requests may ask for.
    store
        Opens what keeps scores and outcomes, given where losses are counted; None keeps none.

    Raises
    ------
    PackageError
        As of `ecom.serving.package.open_package`.
    """

    def __init__(
        self, folder: Path, limits: Limits, store: "Callable[[Monitoring], Store] | None" = None
    ) -> None:
        self.folder, self.limits = folder, limits
        self.monitoring = Monitoring()
        self.draining = False
        self._loaded = loaded = Loaded.from_folder(folder)
        self._batches = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._reloading = asyncio.Lock()
        self.monitoring.serve(self.version, loaded.reader.columns)
        self.store = store(self.monitoring) if store else None

    @property
    def loaded(self) -> Loaded:
        """What answers now. Take it once for a request: it may be replaced at any time."""
        return self._loaded

    @property
    def version(self) -> str:
        """SHA-256 of the manifest of the package that answers now."""
        return self._loaded.package.version

    async def reload(self) -> str:
        """Answer with what the folder holds now, once it passed its self-test; return its version.

        Raises
        ------
        PackageError
            It did not pass: the package before goes on.
        """
        async with self._reloading:
            try:
                loaded = await asyncio.to_thread(Loaded.from_folder, self.folder)
            except PackageError as error:
                self.monitoring.reloads.labels("refused").inc()
                log.warning("package refused", extra={"reason": str(error), "model": self.version})
                raise
            before, self._loaded = self.version, loaded
            self.monitoring.reloads.labels("loaded").inc()
            self.monitoring.serve(self.version, loaded.reader.columns)
            log.info("package loaded", extra={"model": self.version, "before": before})
            return self.version

    def predict(self, body: bytes, request_id: str) -> Prediction:
        """Answer one session, as JSON.

        Raises
        ------
        BadInput
            It is none.
        """
        (package, reader), inputs, answer = self._answer(body)
        answers = [answer.probability], [answer.flagged]
        self._keep(request_id, package, inputs, [0], *answers)
        return Prediction(
            answer.probability,
            answer.flagged,
            reader.unknown_to_one(inputs),
            package.manifest.threshold,
            package.version,
            request_id,
        )

    def explain(self, body: bytes, request_id: str) -> Explanation:
        """Answer one session, with reasons.

        Raises
        ------
        BadInput
            It is none.
        """
        (package, reader), inputs, answer = self._answer(body)
        contributions, base = package.scorer.contribute(inputs)
        return Explanation(
            probability=answer.probability,
            flagged=answer.flagged,
            unknown_categories=reader.unknown_to_one(inputs),
            threshold=package.manifest.threshold,
            log_odds=answer.log_odds,
            base=base,
            contributions=dict(zip(reader.names, contributions[0].tolist(), strict=True)),
            model=package.version,
            request_id=request_id,
        )

    def _answer(self, body: bytes) -> tuple[Loaded, Inputs, scoring.Answer]:
        loaded = self._loaded
        inputs = loaded.reader.one(body)
        answer = loaded.package.scorer.score_one(inputs)
        self.monitoring.count_one(inputs, answer)
        return loaded, inputs, answer

    async def predict_many(self, body: bytes, request_id: str) -> Predictions:
        """Answer an object with a list of sessions: each, or what is wrong with it.

        Raises
        ------
        BadInput
            It is none, or its list is longer than the limit.
        """
        (package, reader), batch, answers = await self.answer_batch(
            lambda reader: reader.many(body, self.limits.sessions), request_id
        )
        found: list[Answer | None] = [None] * batch.size
        columns = (answers.probability.tolist(), answers.flagged.tolist())
        told = map(Answer, *columns, reader.unknown(batch.inputs))
        for place, answer in zip(batch.good, told, strict=True):
            found[place] = answer
        return Predictions(
            answers=found,
            problems=batch.problems,
            threshold=package.manifest.threshold,
            model=package.version,
            request_id=request_id,
        )

    async def answer_batch(self, read: Callable[[Reader], Batch], request_id: str) -> AnsweredBatch:
        """Answer the good sessions of a batch, while other requests go on.

        Parameters
        ----------
        read
            Reads the batch; may raise `BadInput`.
        request_id
            Of the request.
        """
        loaded = self._loaded

        def answer() -> AnsweredBatch:
            batch = read(loaded.reader)
            return AnsweredBatch(loaded, batch, loaded.package.scorer.score(batch.inputs))

        answered = await asyncio.get_running_loop().run_in_executor(self._batches, answer)
        self.monitoring.count(answered.batch.inputs, answered.answers)
        self.monitoring.refused.inc(answered.batch.size - len(answered.batch.good))
        found, batch = answered.answers, answered.batch
        answers = found.probability, found.flagged
        self._keep(request_id, loaded.package, batch.inputs, batch.good, *answers)
        return answered

    async def hear(self, store: "Store", body: bytes) -> Heard:
        """Keep what became of a session.

        Raises
        ------
        BadInput
            It is no feedback.
        ServiceError
            It cannot be kept.
        """
        feedback = read_feedback(body)
        known = await asyncio.to_thread(
            store.add_outcome, feedback.request_id, feedback.row, purchase=feedback.outcome
        )
        return Heard(feedback.request_id, feedback.row, feedback.outcome, known)

    def _keep(  # noqa: PLR0913, PLR0917  all that is kept of a request
        self,
        request_id: str,
        package: Package,
        inputs: Inputs,
        places: Sequence[int],
        probability: Sequence[float] | NDArray[np.float64],
        flagged: Sequence[bool] | NDArray[np.bool_],
    ) -> None:
        if self.store is not None:
            self.store.keep(
                Scored(
                    request_id, time.time(), package.version, inputs, places, probability, flagged
                )
            )
