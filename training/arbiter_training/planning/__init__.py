"""The workshop's part of planning: traffic read as history, the page for managers, and runs of MLflow."""
