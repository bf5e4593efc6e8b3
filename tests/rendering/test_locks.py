"""The lock of a baked project, and its export for pip."""

import re
import tomllib
from collections.abc import Callable

from tests.helpers.harness import (
    COMBINATIONS,
    KUBERNETES,
    OTHER_CI,
    ROOT,
    BakedProject,
    Combination,
    each,
    each_combination,
    poetry,
)


@each_combination
def test_the_lock_fits_the_project(baked: BakedProject) -> None:
    baked.run(*poetry("check", "--lock", "--strict"))


@each_combination
def test_the_shipped_export_is_what_poetry_exports(baked: BakedProject) -> None:
    # The hook may have exported again, so the shipped files are compared as well.
    shipped = ROOT / "templates" / "locks" / str(baked.combination)

    export = baked.run(*poetry("export", "--without-urls")).stdout

    assert (baked.path / "poetry.lock").read_bytes() == (shipped / "poetry.lock").read_bytes()
    assert export == (shipped / "requirements.txt").read_text("utf-8")
    assert export == (baked.path / "requirements.txt").read_text("utf-8")


@each_combination
def test_the_export_pins_and_hashes_every_production_package(baked: BakedProject) -> None:
    lock = tomllib.loads((baked.path / "poetry.lock").read_text("utf-8"))
    locked = {one["name"]: one for one in lock["package"] if "main" in one["groups"]}
    export = (baked.path / "requirements.txt").read_text("utf-8")

    entries = re.split(r"\n(?=\S)", export.strip())

    pins = [re.match(r"([a-z0-9._-]+)==(\S+)", entry) for entry in entries]
    assert {pin[1]: pin[2] for pin in pins if pin} == {
        name: one["version"] for name, one in locked.items()
    }
    for entry, pin in zip(entries, pins, strict=True):
        assert pin
        assert set(re.findall(r"--hash=(\S+)", entry)) == {
            file["hash"] for file in locked[pin[1]]["files"]
        }


@each([one for one in [*KUBERNETES, *OTHER_CI] if one not in COMBINATIONS])
def test_other_answers_do_not_change_the_lock(
    baked: BakedProject, bake: Callable[[Combination], BakedProject]
) -> None:
    usual = bake(Combination(baked.combination.application, baked.combination.python))

    for name in ("pyproject.toml", "poetry.lock", "requirements.txt"):
        assert (baked.path / name).read_bytes() == (usual.path / name).read_bytes()
