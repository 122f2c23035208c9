"""What LLaMA-Factory and Axolotl themselves make of exports. They need other versions of packages than this project, so
each is run by a Python of its own, which an environment variable names; without it the tests are skipped and say so.
How TRL learns from exports is tested beside `govorun finetune`.
"""
