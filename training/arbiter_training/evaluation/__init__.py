"""Offline evaluation of routing policies on logged traffic."""
