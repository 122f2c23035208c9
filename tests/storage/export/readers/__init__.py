"""What TRL, LLaMA-Factory and Axolotl themselves make of exports.

The last two need other versions of packages: each is run by the Python that an environment variable names. Without it
its tests are skipped and say so.
"""
