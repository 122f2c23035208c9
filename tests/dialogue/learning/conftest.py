"""One thread for tiny models: handing parts of them to a second one takes longer than computing them."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
