"""The systemd units on a job's page are valid and match the project."""

import re
import shlex
import shutil
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

from tests.helpers.containers import NEWEST
from tests.helpers.harness import SLUG, BakedProject, each, run

pytestmark = each([one for one in NEWEST if one.kind == "job"])
UNITS = re.compile(r"`/etc/systemd/system/(\S+)`:\n\n```ini\n(.*?)```", re.DOTALL)


def units(project: BakedProject) -> dict[str, str]:
    return dict(UNITS.findall((project.path / "docs" / "production.md").read_text("utf-8")))


def parse_unit(text: str) -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.read_string(text)
    return parser


def test_the_service_runs_compose_and_retries_what_may_succeed(baked: BakedProject) -> None:
    service = parse_unit(units(baked)[f"{SLUG}.service"])["Service"]
    compose = yaml.safe_load((baked.path / "compose.yaml").read_text("utf-8"))
    recipes = (baked.path / "Makefile").read_text("utf-8")

    docker, *arguments = shlex.split(service["ExecStart"])
    assert (docker, arguments[0]) == ("docker", "compose")
    assert arguments[arguments.index("--exit-code-from") + 1] in compose["services"]
    (recipe,) = re.findall(r"^\tdocker (compose up .*)$", recipes, re.MULTILINE)
    assert {*shlex.split(recipe)} < {*arguments}
    for name in shlex.split(service["Environment"]):
        assert f"${{{name.replace('=', ':-')}}}" in compose["services"]["job"]["user"]
    # The exit statuses that a retry cannot fix, according to the README.
    readme = (baked.path / "README.md").read_text("utf-8")
    fails_again = re.findall(r"^\| (\d+) \|.*\| fails again \|$", readme, re.MULTILINE)
    assert service["RestartPreventExitStatus"].split() == fails_again == ["2", "65"]


def test_the_timer_starts_the_service(baked: BakedProject) -> None:
    timer = parse_unit(units(baked)[f"{SLUG}.timer"])

    assert timer["Timer"]["OnCalendar"]
    assert timer["Timer"].get("Unit", f"{SLUG}.service") == f"{SLUG}.service"
    assert timer["Install"]["WantedBy"] == "timers.target"


def test_runs_by_hand_during_the_day_do_not_prevent_that_of_the_night(baked: BakedProject) -> None:
    unit = parse_unit(units(baked)[f"{SLUG}.service"])["Unit"]
    timer = parse_unit(units(baked)[f"{SLUG}.timer"])["Timer"]
    hour = re.search(r"(\d\d):00$", timer["OnCalendar"])
    assert hour

    # systemd counts every start of the unit, those that succeed and those by hand, too.
    until_the_run = 24 - 18 + int(hour[1])
    assert int(unit["StartLimitIntervalSec"].removesuffix("h")) < until_the_run
    page = (baked.path / "docs" / "production.md").read_text("utf-8")
    assert f"`systemctl reset-failed {SLUG}`" in page


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_accepts_the_units(baked: BakedProject, tmp_path: Path) -> None:
    for name, text in units(baked).items():
        (tmp_path / name).write_text(text.replace(f"/srv/{SLUG}", "/"), "utf-8")

    result = run("systemd-analyze", "verify", *sorted(tmp_path.iterdir()))

    own = [line for line in result.stderr.splitlines() if SLUG in line]
    assert [line for line in own if "docker.service" not in line] == []
