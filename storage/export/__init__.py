"""Training data, taken out of the log: which dialogues, what of them may be learned, in which format and which files.

A dialogue is read (`reading`), its prompts are rendered as the worker rendered them (`served`), what identifies people
is replaced (`privacy`), what is said twice is left out (`duplicates`), and the rest becomes rows of one of the formats
(`shapes`) in files that appear whole or not at all (`files`), with a manifest that says where they come from. Training
itself is not here: this folder needs no torch.
"""
