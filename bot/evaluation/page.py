"""A comparison as one HTML page that loads nothing else."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.evaluation.findings import FAULT_NAMES, About, description
from bot.evaluation.plots import HEIGHT, WIDTH, dialogue_bars, scale_for, whisker
from bot.evaluation.tables import signed, with_sign

if TYPE_CHECKING:
    from dialogue.learning.evaluation import Evaluation


def page(evaluation: Evaluation, about: About) -> str:
    """Return the page."""
    environment = Environment(
        loader=PackageLoader("bot.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["signed"] = signed
    environment.filters["with_sign"] = with_sign
    environment.globals["description"] = description
    likelihood, behaviour = evaluation.likelihood, evaluation.behaviour
    improvement_scale = scale_for([likelihood.improvement])
    increases = [fault.increase for fault in behaviour.faults.values()] if behaviour else []
    fault_scale = scale_for(increases) if increases else None
    rows = (
        []
        if behaviour is None or fault_scale is None
        else [
            (
                FAULT_NAMES[name],
                fault,
                whisker(fault.increase, fault_scale),
                replace(
                    fault.increase, **{key: 100 * getattr(fault.increase, key) for key in ("value", "low", "high")}
                ),
            )
            for name, fault in behaviour.faults.items()
        ]
    )
    paper = resources.files("bot.web").joinpath("static", "paper.css").read_text("utf-8")
    return environment.get_template("report.html").render(
        paper=paper,
        evaluation=evaluation,
        about=about,
        sides=list(zip("AB", (about.a, about.b), evaluation.sides, strict=True)),
        likelihood=likelihood,
        behaviour=behaviour,
        improvement=whisker(likelihood.improvement, improvement_scale),
        improvement_zero=improvement_scale.at(0.0),
        improvement_ticks=improvement_scale.ticks(),
        bars=dialogue_bars(likelihood.by_dialogue),
        fault_rows=rows,
        fault_zero=fault_scale.at(0.0) if fault_scale else 0.0,
        width=WIDTH,
        height=HEIGHT,
    )
