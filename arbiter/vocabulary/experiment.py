"""How two routers are compared on live traffic."""

from enum import StrEnum


class Arm(StrEnum):
    """Whose decision a request got."""

    CONTROL = "control"
    CHALLENGER = "challenger"


class AssignmentUnit(StrEnum):
    """What keeps its arm for as long as an experiment runs."""

    USER = "user"
    SESSION = "session"
    REQUEST = "request"


class Progress(StrEnum):
    """What an experiment has shown so far."""

    UNDECIDED = "undecided"
    HARMFUL = "harmful"
    SAFE = "safe"
