"""Side-by-side measurements, each a command of its own that writes `benchmarks/results/NAME.json`.

What they promise is checked in `tests/`; nothing in the project imports from here.
"""
