"""What a torture reached is shown at the end of the run: tests note their figures by ``record_property``."""

import pytest

from tests.bad_input.conftest import fields
from tests.reliability.conftest import behind, network, shares_apps, world

__all__ = ["behind", "fields", "network", "shares_apps", "world"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("figures reached")
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {name} {value}")
