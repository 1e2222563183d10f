"""What the service is measured against: servers of the same model, one for each name."""

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "stages"))

import _stage  # noqa: F401  thread counts of the pipeline

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "models" / "package"
MODEL = ROOT / "models" / "best_model.joblib"


def floor(port: int) -> None:
    """Serve the same application, which validates each session and answers a constant."""
    from ecom.serving.answers import Prediction
    from ecom.serving.guard import Keys
    from ecom.serving.limits import LIMITS
    from ecom.serving.server import serve
    from ecom.serving.service import Service

    def constant(self: Service, body: bytes, request_id: str) -> Prediction:
        package, reader = self.loaded
        reader.one(body)
        return Prediction(0.5, True, (), package.manifest.threshold, package.version, request_id)

    Service.predict = constant  # type: ignore[method-assign]
    serve(PACKAGE, "127.0.0.1", port, LIMITS, Keys())


def joblib(port: int) -> None:
    """Serve the pickled pipeline as tutorials do: a pydantic model, and a frame of one row."""
    import joblib as jl
    import pandas as pd
    import uvicorn
    from fastapi import FastAPI
    from pydantic import create_model

    from ecom.schema import COLUMNS, FEATURES

    kinds: dict[str, type] = {"integer": int, "number": float, "category": str, "boolean": bool}
    columns = [column for column in COLUMNS if column.name in FEATURES]
    fields: dict[str, Any] = {column.name: (kinds[column.type], ...) for column in columns}
    session_type = create_model("Session", **fields)
    model = jl.load(MODEL)
    app = FastAPI()

    def predict(session: Any) -> dict[str, float]:
        frame = pd.DataFrame([session.model_dump()])
        return {"probability": float(model.predict_proba(frame)[0, 1])}

    predict.__annotations__["session"] = session_type
    app.post("/predict")(predict)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def mlflow(port: int) -> None:
    """Serve the model that the pipeline recorded, by `mlflow models serve`."""
    champion = "models:/ecom-purchase@challenger"
    os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{ROOT / 'mlflow.db'}")
    command = ["mlflow", "models", "serve", "-m", champion, "--env-manager", "local"]
    os.execvp("mlflow", [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"])  # noqa: S606


if __name__ == "__main__":
    {"floor": floor, "joblib": joblib, "mlflow": mlflow}[sys.argv[1]](int(sys.argv[2]))
