"""What TRL, LLaMA-Factory and Axolotl themselves make of exports. The last two need other versions of packages,
and all take long to start: so each is run by the Python that an environment variable names. Without it the tests are
skipped and say so.
"""
