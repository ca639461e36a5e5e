"""Budgets and economy mode, audit, model discovery: protocols for the user's own services, with embedded defaults."""

from arbiter.governance.adopting import with_found_models
from arbiter.governance.amounts import Asked, CallCost, call_cost
from arbiter.governance.economy import EconomyOptions
from arbiter.governance.governance import Governance, paid_by_user
from arbiter.governance.limits import Allowance, BudgetLimits, read_limits
from arbiter.governance.mlflow_foundry import MlflowFoundry
from arbiter.governance.protocols import (
    AuditClient,
    AuditEntry,
    AuditKind,
    BudgetClient,
    FoundModel,
    ModelFoundryClient,
    Owner,
    Period,
    Quota,
    Reservation,
)
from arbiter.governance.sqlite_audit import Seal, SqliteAudit
from arbiter.governance.sqlite_budget import SqliteBudget, SqliteBudgetOptions
from arbiter.governance.toml_foundry import TomlFoundry

__all__ = [
    "Allowance",
    "Asked",
    "AuditClient",
    "AuditEntry",
    "AuditKind",
    "BudgetClient",
    "BudgetLimits",
    "CallCost",
    "EconomyOptions",
    "FoundModel",
    "Governance",
    "MlflowFoundry",
    "ModelFoundryClient",
    "Owner",
    "Period",
    "Quota",
    "Reservation",
    "Seal",
    "SqliteAudit",
    "SqliteBudget",
    "SqliteBudgetOptions",
    "TomlFoundry",
    "call_cost",
    "paid_by_user",
    "read_limits",
    "with_found_models",
]
