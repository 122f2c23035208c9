"""Programs that write the same texts, each in its own way: the slot engine, and what else one could run.

Each is a process that loads its model once and then measures whenever it is told to over its standard input, so that
they can take turns (`asking` has one end of the line, `answering` the other). What is done with the times is no
business of this folder; see `benchmarks.engine_cpu`.
"""
