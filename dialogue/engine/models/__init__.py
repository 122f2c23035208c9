"""Models as they come into memory: loaded, found fit, given their adapters, and put into 8 bits for a CPU.

What is done with them then is in `slots`.
"""
