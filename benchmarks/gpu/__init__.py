"""The engine on a GPU: how fast it writes and answers, beside transformers and beside what the memory allows.

`python -m benchmarks.gpu` is the one command. Everybody has the GPU for himself while he is measured, as all of them
would fill its memory. What a step must read, and how fast that can be, is in `roofline`.
"""
