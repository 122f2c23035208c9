"""Says on what a model of this machine would run."""

from __future__ import annotations

from dialogue.errors import ModelRefused


def describe(device: str) -> str:
    """Return what `device` (`auto`, `cpu`, `cuda`, `cuda:1`) is on this machine.

    Raises:
        ModelRefused: there is no such GPU, or this torch cannot use it.
    """
    import torch  # takes seconds

    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        many = torch.get_num_threads()
        return f"CPU, {many} {'thread' if many == 1 else 'threads'}"
    if not torch.cuda.is_available():
        build = "is built without CUDA" if torch.version.cuda is None else "finds no GPU with a working driver"
        raise ModelRefused(f"torch {torch.__version__} {build}")
    index = int(device.partition(":")[2] or 0)
    if index >= torch.cuda.device_count():
        raise ModelRefused(f"there is no GPU {index}, only {torch.cuda.device_count()} of them, counted from 0")
    gpu = torch.cuda.get_device_properties(index)
    return f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB"
