"""Processes that hold something in a shared file, told apart from later ones that have their numbers."""

import os
from pathlib import Path

PROC = Path("/proc")


def this_process() -> str:
    """Give a name of this process; empty where the system does not tell (then time alone must tell)."""
    place, started = _place(), _started(os.getpid())
    return f"{place} {os.getpid()} {started}" if place and started else ""


def has_ended(holder: str) -> bool:
    """Tell whether a process is known to have ended; False where this cannot be known, as of another container's."""
    place, pid, started = [*holder.rsplit(" ", 2), "", ""][:3]
    return bool(pid.isdigit() and place == _place() and _started(int(pid)) != started)


def _place() -> str:
    """Give what process numbers are unique within: this start of the system, and this container."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot} {(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Give when a running process started, in the system's ticks; empty where there is none."""
    try:
        fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]  # a zombie has ended
