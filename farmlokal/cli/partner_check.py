"""`farmlokal partner-check`: whether the partner that the settings name is as we need it."""

import sys

import click

from farmlokal.app.partner_check import Kind, check_partner
from farmlokal.cli.process import EXIT_FAILED, run, start
from farmlokal.telemetry.masking import masked_line


@click.command("partner-check")
def partner_check() -> None:
    """Ask the partner's token endpoint and the first page of its feed, and say what fits and what does not.

    Changes nothing, here or there. A line for each finding: it fits; or it works, and is to be noted; or it is a fault,
    which makes the exit code 1.
    """
    findings = run(check_partner(start()))
    for finding in findings:
        click.echo(masked_line(f"{finding.kind + ':':<6} {finding.text}"))
    if any(finding.kind is Kind.FAULT for finding in findings):
        sys.exit(EXIT_FAILED)
