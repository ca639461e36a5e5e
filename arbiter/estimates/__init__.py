"""Estimates per candidate: quality, cost, latency."""
