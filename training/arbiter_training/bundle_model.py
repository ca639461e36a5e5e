"""The code of the MLflow model: MLflow runs this file when it logs and when it loads a registered bundle.

Models from code, so nothing is pickled: the bundle folder is the model's artifact, and ``arbiter`` reads it as
it reads any bundle. Nothing else imports this module.
"""

from typing import Any

import mlflow.models
import mlflow.pyfunc
import pandas as pd


class BundleModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # mlflow publishes no types
    """Routes prompts with the bundle that lies beside it."""

    def load_context(self, context: Any) -> None:
        """Remember where the bundle is; it is loaded with the first request."""
        self._folder = context.artifacts["bundle"]
        self._router: Any = None

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Give a decision per row.

        Parameters
        ----------
        model_input : a column ``prompt``.

        Returns
        -------
        decisions : columns ``id``, ``model``, ``propensity`` and ``confidence``.
        """
        if self._router is None:
            import arbiter

            self._router = arbiter.load(self._folder)
        decisions = self._router.route_batch(model_input["prompt"].tolist())
        rows = [(d.id, d.model, d.propensity, d.confidence) for d in decisions]
        return pd.DataFrame(rows, columns=["id", "model", "propensity", "confidence"])


mlflow.models.set_model(BundleModel())
