"""What a bake leaves behind: these files, whole, and nothing else."""

import json
import re
import tomllib

import yaml

from tests.harness import COMBINATIONS, KUBERNETES, PACKAGE, ROOT, BakedProject, each, poetry

pytestmark = each([*COMBINATIONS, *KUBERNETES])

EVERYWHERE = {
    ".devcontainer/devcontainer.json",
    ".dockerignore",
    ".editorconfig",
    ".env.example",
    ".gitattributes",
    ".github/dependabot.yml",
    ".github/workflows/ci.yml",
    ".gitignore",
    ".pre-commit-config.yaml",
    "Dockerfile",
    "Makefile",
    "README.md",
    "compose.yaml",
    "docs/production.md",
    "environment.yml",
    "poetry.lock",
    "pyproject.toml",
    "requirements.txt",
    "scripts/consistency.py",
    "scripts/smoke.py",
    "scripts/contract.py",
    "scripts/image.py",
    "secrets/.gitignore",
    f"src/{PACKAGE}/__init__.py",
    f"src/{PACKAGE}/__main__.py",
    f"src/{PACKAGE}/cli.py",
    f"src/{PACKAGE}/environment.py",
    f"src/{PACKAGE}/logs.py",
    f"src/{PACKAGE}/settings.py",
    f"src/{PACKAGE}/startup.py",
    "tests/conftest.py",
    "tests/test_cli.py",
    "tests/test_environment.py",
    "tests/test_logs.py",
}
API = {
    f"src/{PACKAGE}/api/__init__.py",
    f"src/{PACKAGE}/api/app.py",
    f"src/{PACKAGE}/api/commands.py",
    f"src/{PACKAGE}/api/connections.py",
    f"src/{PACKAGE}/api/docs.py",
    f"src/{PACKAGE}/api/draining.py",
    f"src/{PACKAGE}/api/factory.py",
    f"src/{PACKAGE}/api/health.py",
    f"src/{PACKAGE}/api/lines.py",
    f"src/{PACKAGE}/api/metrics.py",
    f"src/{PACKAGE}/api/middleware/__init__.py",
    f"src/{PACKAGE}/api/middleware/body_limit.py",
    f"src/{PACKAGE}/api/middleware/capacity.py",
    f"src/{PACKAGE}/api/middleware/hosts.py",
    f"src/{PACKAGE}/api/middleware/observation.py",
    f"src/{PACKAGE}/api/middleware/security.py",
    f"src/{PACKAGE}/api/middleware/time_limit.py",
    f"src/{PACKAGE}/api/probe.py",
    f"src/{PACKAGE}/api/problems.py",
    f"src/{PACKAGE}/api/server.py",
    f"src/{PACKAGE}/api/settings.py",
    f"src/{PACKAGE}/api/timers.py",
    "tests/api/conftest.py",
    "tests/api/middleware/test_body_limit.py",
    "tests/api/middleware/test_capacity.py",
    "tests/api/middleware/test_hosts.py",
    "tests/api/middleware/test_install.py",
    "tests/api/middleware/test_observation.py",
    "tests/api/middleware/test_time_limit.py",
    "tests/api/test_commands.py",
    "tests/api/test_connections.py",
    "tests/api/test_docs.py",
    "tests/api/test_draining.py",
    "tests/api/test_health.py",
    "tests/api/test_lines.py",
    "tests/api/test_metrics.py",
    "tests/api/test_problems.py",
    "tests/api/test_server.py",
    "tests/api/test_timers.py",
}
FILES = {f"src/{PACKAGE}/files.py", "tests/test_files.py"}
MODEL = {
    f"src/{PACKAGE}/api/inference.py",
    f"src/{PACKAGE}/api/predictions.py",
    f"src/{PACKAGE}/api/threads.py",
    f"src/{PACKAGE}/model/__init__.py",
    f"src/{PACKAGE}/model/batch.py",
    f"src/{PACKAGE}/model/metrics.json",
    f"src/{PACKAGE}/model/model.onnx",
    f"src/{PACKAGE}/model/predictor.py",
    f"src/{PACKAGE}/model/report.py",
    f"src/{PACKAGE}/model/report.template.html",
    f"src/{PACKAGE}/model/schema.py",
    f"src/{PACKAGE}/model/training.py",
    "tests/api/test_predictions.py",
    "tests/api/test_threads.py",
    "tests/model/conftest.py",
    "tests/model/test_batch.py",
    "tests/model/test_predictor.py",
    "tests/model/test_schema.py",
    "tests/model/test_training.py",
}
JOB = {
    f"src/{PACKAGE}/exit_status.py",
    f"src/{PACKAGE}/job.py",
    f"src/{PACKAGE}/shards.py",
    "tests/test_exit_status.py",
    "tests/test_job.py",
    "tests/test_shards.py",
}
ONLY_IN = {
    "model-api": API | FILES | MODEL,
    "web-api": API | {f"src/{PACKAGE}/api/quotes.py", "tests/api/test_quotes.py"},
    "job": FILES | {"data/orders.csv"} | JOB,
}

DEPLOY = {
    "deploy/kubernetes/README.md",
    "deploy/kubernetes/base/account.yaml",
    "deploy/kubernetes/base/kustomization.yaml",
    "deploy/kubernetes/base/namespace.yaml",
    "deploy/kubernetes/base/network.yaml",
    "deploy/kubernetes/base/settings.env",
    "deploy/kubernetes/overlays/production/kustomization.yaml",
    "deploy/kubernetes/overlays/staging/kustomization.yaml",
}
DEPLOY_API = {
    "deploy/kubernetes/base/deployment.yaml",
    "deploy/kubernetes/base/scaling.yaml",
    "deploy/kubernetes/base/service.yaml",
}
DEPLOY_ONLY_IN = {
    "model-api": DEPLOY_API | {"deploy/kubernetes/model/kustomization.yaml"},
    "web-api": DEPLOY_API,
    "job": {f"deploy/kubernetes/base/{name}.yaml" for name in ("claim", "jobs", "pod")},
}


def test_a_bake_holds_exactly_these_files(baked: BakedProject) -> None:
    application, _, deployment = baked.combination
    expected = EVERYWHERE | ONLY_IN[application]
    if deployment == "kubernetes":
        expected |= DEPLOY | DEPLOY_ONLY_IN[application]
    assert baked.files() == expected


def test_no_folder_is_empty(baked: BakedProject) -> None:
    assert [
        path for path in baked.path.rglob("*") if path.is_dir() and not any(path.iterdir())
    ] == []


def texts(baked: BakedProject) -> set[str]:
    """Every file but the model, which is binary."""
    return {name for name in baked.files() if not name.endswith(".onnx")}


def test_nothing_of_cookiecutter_is_left(baked: BakedProject) -> None:
    # But the record of where the project comes from.
    record = '[tool.cookiecutter]\ntemplate = "cookiecutter-'
    for name in texts(baked):
        text = (baked.path / name).read_text("utf-8").replace(record, "")
        assert "cookiecutter" not in name + text, name
        # GitHub's own expressions are the only braces that stay.
        assert not re.search(r"(?<!\$)\{\{|\{%", name + text), name


def test_every_text_ends_with_one_newline(baked: BakedProject) -> None:
    for name in texts(baked):
        text = (baked.path / name).read_bytes()
        assert text.endswith(b"\n"), name
        assert not text.endswith(b"\n\n"), name
        assert b"\r" not in text, name


def test_every_data_file_parses(baked: BakedProject) -> None:
    for name in texts(baked):
        text = (baked.path / name).read_text("utf-8")
        if name.endswith((".toml", ".lock")):
            tomllib.loads(text)
        elif name.endswith((".yml", ".yaml")):
            list(yaml.safe_load_all(text))
        elif name.endswith(".json"):
            json.loads(text)


def test_the_lock_fits_the_project(baked: BakedProject) -> None:
    baked.run(*poetry("check", "--lock", "--strict"))


def test_the_shipped_export_is_what_poetry_exports(baked: BakedProject) -> None:
    # The hook may have exported already, so the files that ship are compared as well.
    shipped = ROOT / "templates" / "locks" / str(baked.combination)

    export = baked.run(*poetry("export", "--without-urls")).stdout

    assert (baked.path / "poetry.lock").read_bytes() == (shipped / "poetry.lock").read_bytes()
    assert export == (shipped / "requirements.txt").read_text("utf-8")
    assert export == (baked.path / "requirements.txt").read_text("utf-8")


def test_the_export_pins_and_hashes_all_that_is_locked_for_production(baked: BakedProject) -> None:
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
