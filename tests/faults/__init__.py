"""Fault tests: real processes that are killed, stopped and cut off while people write to them.

`rig.py` builds a whole installation around a fake Telegram, `load.py` lets people write, `checking.py` says afterwards
what was lost, doubled, mixed up or left behind. `scenarios` holds one file for each guarantee; the tests run them
small, `python -m benchmarks.faults` runs the same ones large. No unit tests here: these mirror the source elsewhere.
"""
