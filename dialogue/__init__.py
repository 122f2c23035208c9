"""What is said: turns, seeds, the transcript, the reply flow and the worker loop.

Standard library only. How people reach the bot is in `bot`, where things are kept is in `storage`; the model itself
lives in `dialogue.engine`, the one place here that may import torch.
"""
