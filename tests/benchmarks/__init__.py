"""The benchmarks work; what they measure is nothing for a test to judge."""
