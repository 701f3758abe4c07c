"""What is timed: pytest-benchmark suites, the same for every library. `benchmarks.in_turns` runs them."""
