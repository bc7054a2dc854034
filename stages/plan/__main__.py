"""Command of the stage: `python -m stages.plan --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcdrl.artifacts.plan import Views, write_code, write_plan
from mcdrl.base.files import atomic_folder
from mcdrl.base.runtime import run
from mcdrl.methods import with_methods
from mcdrl.study.params import load, read_params, section_type
from mcdrl.study.paths import PlanFiles
from mcdrl.study.sections.deploy import Params as Deploy
from stages.plan.plans import code_digests, encoding, plans, site_plans


def main(out: Annotated[Path, typer.Option(help="folder for the plans")]) -> None:
    """Write what methods stand for, what of the features they read, how sites are read, and what code means."""
    study, encode = load("encode", section_type("encode"), further=with_methods)
    raw = read_params()
    deploy = Deploy.model_validate(raw["deploy"])
    given = (study, raw.get("train") or {}, section_type("train"), encode.model_dump()["flips"])
    found, deployed = list(plans(study.methods, *given)), list(plans(deploy.methods, *given))
    with atomic_folder(out) as folder:
        files = PlanFiles(folder)
        for plan in found:
            write_plan(plan, files.method(plan.variant))
        for plan in deployed:
            write_plan(plan, files.deployed(plan.variant))
        sites = list(site_plans(study))
        for site in sites:
            write_plan(site, files.site(site.site))
        write_plan(Views(view={site.site: site.reading.view for site in sites}), files.views)
        write_plan(encoding([*found, *deployed]), files.encoding)
        for stage, code in code_digests().items():
            write_code(code, files.code(stage))


if __name__ == "__main__":
    run(main)
