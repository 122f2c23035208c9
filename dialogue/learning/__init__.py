"""How a model learns from what was approved: rows of an export in, a LoRA adapter or a whole model out.

`row_files` reads the rows, `examples` makes tokens of them and says which are learned, `training` trains with TRL and
PEFT, `lineage` writes down where the result comes from. It knows nothing of logs and databases: an export is a file.
"""
