"""Writing runs into MLflow, so that a state is recorded once and completely, or not at all."""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ecom.errors import TrackingError
from ecom.project.place import ADDRESS_VARIABLE, DATABASE, local_home
from ecom.project.states import State
from ecom.serving.manifest import MODEL
from ecom.storage import storage_errors
from ecom.tracking import views
from ecom.tracking.provenance import PREFIX, Provenance
from ecom.tracking.rooting import artifact_root, database_address, follow_folder
from ecom.tracking.runs import DESCRIPTIONS, PIPELINE_EXPERIMENT, Run

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Experiment
    from mlflow.entities import Run as MlflowRun


REGISTERED: Final = "ecom-purchase"
CHALLENGER: Final = "challenger"
MODEL_NAME: Final = "model"
GRAPH_NAME: Final = "graph"  # of the package alone, in the flavour of ONNX
# Packages that the logged model needs to predict.
NEEDED: Final = ("mlflow", "numpy", "onnxruntime", "pandas", "pandera", "pydantic")
SECONDS: Final = 120.0  # that logging a state may take
# By default, MLflow waits minutes for a dead server, at each of a hundred requests.
DEFAULTS: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
STATE_TAG: Final = f"{PREFIX}state"
LATEST: Final = ("commit", "dirty")  # tags that change when the same state is committed later


class Store:
    """An MLflow tracking server or database.

    Parameters
    ----------
    root
        Root folder of the project. If ``MLFLOW_TRACKING_URI`` is set, it is used instead of the
        database in the project.
    seconds
        Time after which writing is given up.
    """

    def __init__(self, root: Path, seconds: float = SECONDS) -> None:
        self._local = local_home(root)
        if self._local:
            self.address = database_address(self._local)
            # MLflow would keep its own first experiment in the working folder.
            os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = artifact_root(self._local)
        else:
            self.address = os.environ[ADDRESS_VARIABLE]
        self._end = time.monotonic() + seconds
        for variable, value in DEFAULTS.items():
            os.environ.setdefault(variable, value)

    @contextmanager
    def client(self, *, create: bool = True) -> "Iterator[MlflowClient]":
        """Yield a client; turn all failures of MLflow into one kind of error.

        Parameters
        ----------
        create
            Whether to create the local database if it does not exist.

        Raises
        ------
        TrackingError
            MLflow does not answer in time, or there is no record.
        """
        if self._local and not create and not (self._local / DATABASE).exists():
            raise TrackingError(f"nothing is recorded yet at {self.address}")
        import mlflow
        from filelock import FileLock

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        # Experiments that run at the same time would create the local database twice.
        turn = FileLock(self._local / f"{DATABASE}.lock", timeout=SECONDS) if self._local else None
        try:
            with turn or nullcontext():
                if self._local:
                    follow_folder(self._local)
                yield mlflow.MlflowClient(self.address, registry_uri=self.address)
        except _failures() as error:
            lines = str(error).strip().splitlines()
            raise TrackingError(
                f"MLflow at {self.address} failed: {lines[0] if lines else repr(error)}"
            ) from None

    @property
    def exists(self) -> bool:
        """Whether there is a record to read: a server, or a local database."""
        return self._local is None or (self._local / DATABASE).exists()

    def download_model(self, version: str, folder: str) -> str:
        """Copy the files of a version of the registered model; return the folder that holds them.

        Called while a client is open, which turns failures into one kind of error.
        """
        import mlflow

        with self._in_use():
            path: str = mlflow.artifacts.download_artifacts(
                f"models:/{REGISTERED}/{version}", dst_path=folder
            )
        return path

    def log(
        self,
        run: Run,
        state: State,
        origin: Provenance,
        package: Mapping[str, bytes],
        example: "pd.DataFrame",
    ) -> str:
        """Log a state, unless it is logged already; return the id of its parent run.

        Parameters
        ----------
        run
            Parent of all runs.
        state
            State to read the files from.
        origin
            Becomes tags of every run.
        package
            Files of the package, by name.
        example
            A few raw sessions.

        Raises
        ------
        TrackingError
            The record could not be written. A half-written record is ignored.
        """
        with self.client() as client:
            known = find_state(client, origin.state)
            if known is None:
                self._forget(client, origin.state)
                parent = self._write(client, run, state, origin.tags())
                self._log_model(parent, package, example)  # last, because it ends the run
            else:
                parent = known.info.run_id
                if later := _later(origin, known.data.tags):
                    later["mlflow.source.git.commit"] = origin.commit
                    client.set_tag(parent, "mlflow.runName", origin.name)
                    for each in runs_of_state(client, origin.state):
                        for name, value in later.items():
                            client.set_tag(each.info.run_id, name, value)
            if not origin.experiment:
                self._register(client, parent, origin)
        return parent

    def _write(
        self,
        client: "MlflowClient",
        run: Run,
        state: State,
        tags: dict[str, str],
        parent: str | None = None,
    ) -> str:
        """Write a run and the runs below it; the parent of all stays open until the end."""
        from mlflow.entities import Metric, Param

        self._check_deadline()
        own = {"mlflow.runName": run.name, **({"mlflow.parentRunId": parent} if parent else {})}
        if run.note:
            own["mlflow.note.content"] = run.note
        if commit := tags.get(f"{PREFIX}commit"):
            own["mlflow.source.git.commit"] = commit
        created = client.create_run(
            self._experiment(client, run.experiment), run_name=run.name, tags={**tags, **own}
        )
        run_id: str = created.info.run_id
        now = int(time.time() * 1000)
        metrics = [
            Metric(name, value, now, step)
            for name, values in run.metrics.items()
            for step, value in enumerate(values if isinstance(values, list) else [values])
        ]
        params = [Param(name, str(value)) for name, value in run.params.items()]
        client.log_batch(run_id, metrics=metrics, params=params)
        with TemporaryDirectory() as folder:
            for path in run.files:
                copy = Path(folder) / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(state.read(path))
            if run.files:
                client.log_artifacts(run_id, folder)
        for name, figure in run.figures.items():
            client.log_figure(run_id, figure, name)
        for child in run.children:
            self._write(client, child, state, tags, run_id)
        if parent:
            client.set_terminated(run_id)
        return run_id

    def _experiment(self, client: "MlflowClient", name: str) -> str:
        # One that is there keeps the description that somebody gave it.
        found = client.get_experiment_by_name(name) or self._new_experiment(client, name)
        if name == PIPELINE_EXPERIMENT and views.TAG not in found.tags:
            client.set_experiment_tag(found.experiment_id, views.TAG, views.figures_view())
        return str(found.experiment_id)

    def _new_experiment(self, client: "MlflowClient", name: str) -> "Experiment":
        place = f"{artifact_root(self._local)}/{name}" if self._local else None
        kind = {"mlflow.experimentKind": "custom_model_development"}  # not prompts and traces
        created = str(client.create_experiment(name, artifact_location=place, tags=kind))
        description = DESCRIPTIONS.get(name, "")
        if name == PIPELINE_EXPERIMENT:
            description += f" See the runs {views.link(created)}."
        client.set_experiment_tag(created, "mlflow.note.content", description)
        return client.get_experiment(created)

    def _log_model(
        self, run_id: str, package: Mapping[str, bytes], example: "pd.DataFrame"
    ) -> None:
        import mlflow
        import onnx

        from ecom.tracking import answering

        self._check_deadline()
        library = Path(__file__).parent.parent
        with TemporaryDirectory() as folder, self._in_use(), mlflow.start_run(run_id=run_id):
            for name, content in package.items():
                (Path(folder) / name).write_bytes(content)
            mlflow.pyfunc.log_model(
                name=MODEL_NAME,
                python_model=answering.__file__,
                artifacts={"package": folder},
                # MLflow's would refuse whole numbers that pandas reads where others have decimals.
                signature=False,
                input_example=example,
                code_paths=[str(library)],
                pip_requirements=_pinned(*NEEDED),
            )
            mlflow.onnx.log_model(
                onnx.load_from_string(package[MODEL]),
                name=GRAPH_NAME,
                onnx_execution_providers=["CPUExecutionProvider"],
                pip_requirements=_pinned("mlflow", "numpy", "onnx", "onnxruntime", "pandas"),
            )

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Make this the store that MLflow's module-level functions use."""
        import mlflow

        if self._local is None:
            yield
            return
        mlflow.set_tracking_uri(self.address)
        try:
            yield
        finally:
            mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # back to the default

    def _forget(self, client: "MlflowClient", key: str) -> None:
        """Delete what an earlier attempt left half-written."""
        while runs := runs_of_state(client, key):
            self._check_deadline()
            for run in runs:
                client.delete_run(run.info.run_id)

    def _register(self, client: "MlflowClient", run_id: str, origin: Provenance) -> None:
        from mlflow.exceptions import MlflowException

        self._check_deadline()
        found = client.search_model_versions(f"name='{REGISTERED}' and run_id='{run_id}'")
        if found:
            version = found[0]
            for name, value in _later(origin, version.tags).items():
                client.set_model_version_tag(REGISTERED, version.version, name, value)
        else:
            try:
                client.create_registered_model(
                    REGISTERED, description="Probability that a session ends in a purchase"
                )
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            outputs = client.get_run(run_id).outputs
            if outputs is None:
                raise TrackingError(f"run {run_id} at {self.address} has no model")
            model = next(
                output.model_id
                for output in outputs.model_outputs
                if client.get_logged_model(output.model_id).name == MODEL_NAME
            )
            version = client.create_model_version(
                REGISTERED, f"models:/{model}", run_id=run_id, tags=origin.tags(), model_id=model
            )
        client.set_registered_model_alias(REGISTERED, CHALLENGER, version.version)

    def _check_deadline(self) -> None:
        if time.monotonic() > self._end:
            raise TrackingError(
                f"MLflow at {self.address} did not finish in time; nothing more is recorded"
            )


def _failures() -> tuple[type[Exception], ...]:
    """Return what MLflow raises, its database and the storage of its artifacts among it."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, SQLAlchemyError, CommandError, ImportError, *storage_errors())


def _later(origin: Provenance, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that change because a recorded state has since been committed."""
    if origin.dirty == "true" or tags.get(f"{PREFIX}dirty") == "false":
        return {}
    return {f"{PREFIX}{name}": origin.tags()[f"{PREFIX}{name}"] for name in LATEST}


def find_state(client: "MlflowClient", key: str) -> "MlflowRun | None":
    """Return the parent run of a state that was logged completely."""
    return next(
        (
            run
            for run in runs_of_state(client, key, PIPELINE_EXPERIMENT)
            if run.info.status == "FINISHED" and "mlflow.parentRunId" not in run.data.tags
        ),
        None,
    )


def runs_of_state(client: "MlflowClient", key: str, *experiments: str) -> "list[Any]":
    """Return all runs of a state, in the experiments named or else in all."""
    ids = [
        experiment.experiment_id
        for experiment in client.search_experiments()
        if experiment.name in experiments or not experiments
    ]
    return list(client.search_runs(ids, f"tags.`{STATE_TAG}` = '{key}'", max_results=1000))


def _pinned(*names: str) -> list[str]:
    return [f"{name}=={version(name)}" for name in names]
