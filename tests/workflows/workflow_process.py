"""A process that runs a workflow of three steps, for tests that kill it: ``python workflow_process.py URL FOLDER``."""

import sys
from pathlib import Path

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.execution import Deployment, ExecutionOptions
from arbiter.ledger import SqliteLedger
from arbiter.service import Arbiter, ServiceOptions
from arbiter.workflows import Step, Workflow, WorkflowRunner, WorkflowState

MODEL = "gpt-4o-mini"
FLOW = Workflow(
    name="three",
    steps=(
        Step(name="first", prompt="STEP-1 of {input}"),
        Step(name="second", prompt="STEP-2 after {first}"),
        Step(name="third", prompt="STEP-3 after {second}"),
    ),
)


def main() -> None:
    """Run to the end and say what came out."""
    url, folder = sys.argv[1], Path(sys.argv[2])
    params = {"model": f"openai/{MODEL}", "api_base": url, "api_key": "sk-none"}
    execution = ExecutionOptions(deployments={MODEL: Deployment(litellm_params=params)}, time_limit_s=60.0)
    router = cold_start_router(Catalog.default().subset([MODEL]))
    with Arbiter(router, SqliteLedger(folder / "ledger.db"), ServiceOptions(execution=execution)) as service:
        runner = WorkflowRunner(service, WorkflowState(folder / "state.db"))
        done = runner.run(FLOW, "it", "run-1")
    sys.stdout.write(f"{done.text}|{','.join(done.resumed)}|{done.cost_usd!r}\n")


if __name__ == "__main__":
    main()
