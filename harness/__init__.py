"""Latency, power and accuracy of the same inference cycle, judged on a Pareto front."""

__version__ = "0.1.0"
