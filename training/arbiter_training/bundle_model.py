"""The code of the MLflow model: MLflow runs this file when it logs and when it loads a registered bundle.

Models from code, so nothing is pickled: the bundle folder is the model's artifact, and ``arbiter`` reads it as
it reads any bundle. Nothing else imports this module.
"""

from typing import Any

import mlflow.models
import mlflow.pyfunc
import pandas as pd


class BundleModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # mlflow publishes no types
    """Routes prompts with the bundle that lies beside it.

    Decisions are recorded where ``load_model`` is given a ledger: ``model_config={"ledger": "ledger.db"}``. Without one
    nothing is kept, and nothing can be judged: a server would else collect decisions until its memory is full.
    """

    def load_context(self, context: Any) -> None:
        """Remember where the bundle is; it is loaded with the first request."""
        self._folder = context.artifacts["bundle"]
        self._ledger = (context.model_config or {}).get("ledger")
        self._routes: Any = None

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Give a decision per row.

        Parameters
        ----------
        model_input : a column ``prompt``.
        params : as of :meth:`arbiter.Arbiter.route`, those that the signature names; None asks nothing.

        Returns
        -------
        decisions : columns ``id``, ``model``, ``propensity`` and ``confidence``.
        """
        if self._routes is None:
            self._routes = self._loaded()
        options = {name: value for name, value in (params or {}).items() if value is not None}
        decisions = self._routes(model_input["prompt"].tolist(), options)
        rows = [(d.id, d.model, d.propensity, d.confidence) for d in decisions]
        return pd.DataFrame(rows, columns=["id", "model", "propensity", "confidence"])

    def _loaded(self) -> Any:
        """Give what routes prompts under options: a service where decisions are kept, else the bare router."""
        import numpy as np

        import arbiter
        from arbiter.loading import load_router
        from arbiter.route_options import read_query

        if self._ledger:
            service = arbiter.load(self._folder, ledger=self._ledger)
            return lambda prompts, options: service.route_batch(prompts, **options)
        router, rng = load_router(self._folder), np.random.default_rng()
        return lambda prompts, options: router.route_batch([read_query(p, options) for p in prompts], rng.spawn(1)[0])


mlflow.models.set_model(BundleModel())
