"""Benchmarks: `python -m benchmarks NAME [--small]`; docs/performance.md says how to read them."""
