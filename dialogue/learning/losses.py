"""The losses of a training as a table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_WIDTH, _HEIGHT, _EDGE = 640, 320, 48
_COLOURS = {"loss": "#3b6fb6", "eval_loss": "#c4572e"}
_NAMES = {"loss": "training", "eval_loss": "held-out"}


def write_losses(folder: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Write `losses.csv` and `loss.svg`: the loss of each step, and that on the held-out rows."""
    curves = {kind: [(entry["step"], entry[kind]) for entry in history if kind in entry] for kind in _NAMES}
    steps = sorted({step for curve in curves.values() for step, _ in curve})
    by_step = {kind: dict(curve) for kind, curve in curves.items()}
    lines = ["step,loss,held_out_loss"]
    lines += [f"{step},{by_step['loss'].get(step, '')},{by_step['eval_loss'].get(step, '')}" for step in steps]
    (folder / "losses.csv").write_text("\n".join(lines) + "\n")
    (folder / "loss.svg").write_text(_picture(curves))


def _picture(curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    points = [point for curve in curves.values() for point in curve]
    last = max((step for step, _ in points), default=1) or 1
    low, high = min((loss for _, loss in points), default=0.0), max((loss for _, loss in points), default=1.0)
    span = (high - low) or 1.0

    def place(step: int, loss: float) -> tuple[float, float]:
        x = _EDGE + (_WIDTH - 2 * _EDGE) * step / last
        y = _EDGE + (_HEIGHT - 2 * _EDGE) * (high - loss) / span
        return round(x, 1), round(y, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
        f'<path d="M{_EDGE} {_EDGE}V{_HEIGHT - _EDGE}H{_WIDTH - _EDGE}" fill="none" stroke="#888"/>'
        f'<text x="4" y="{_EDGE + 4}">{high:.2f}</text><text x="4" y="{_HEIGHT - _EDGE + 4}">{low:.2f}</text>'
        f'<text x="{_WIDTH - _EDGE}" y="{_HEIGHT - _EDGE + 20}" text-anchor="end">step {last}</text>'
    ]
    for number, (kind, curve) in enumerate(curves.items()):
        if not curve:
            continue
        colour, x = _COLOURS[kind], _EDGE + 110 * number
        path = " ".join(f"{x:g},{y:g}" for x, y in (place(*point) for point in curve))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{x}" y="24" fill="{colour}">{_NAMES[kind]} loss</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
