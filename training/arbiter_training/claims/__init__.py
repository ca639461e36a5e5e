"""What is claimed of learning online, measured: arbiter and its rivals on the same streams, seed by seed."""
