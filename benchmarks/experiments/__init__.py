"""The five experiments that Quire began with, each by one command: `python -m benchmarks.experiments NAME`."""
