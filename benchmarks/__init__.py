"""Benchmarks beside the peers: every figure of the README comes from here. See `benchmarks/README.md`."""
