"""Public benchmarks: routers and their rivals on judged traffic, under one protocol, in one table with intervals."""

from arbiter_training.benchmarks.protocol import Benchmark, read_benchmark
from arbiter_training.benchmarks.run import BenchmarkResult, run_benchmark

__all__ = ["Benchmark", "BenchmarkResult", "read_benchmark", "run_benchmark"]
