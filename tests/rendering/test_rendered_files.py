"""The files of a baked project."""

import json
import re
import shutil
import tomllib
from pathlib import Path

import yaml

from tests.helpers.harness import (
    COMBINATIONS,
    KUBERNETES,
    OTHER_CI,
    PACKAGE,
    BakedProject,
    each,
    run,
)

pytestmark = each([*COMBINATIONS, *KUBERNETES, *OTHER_CI])

EVERYWHERE = {
    ".devcontainer/devcontainer.json",
    ".dockerignore",
    ".editorconfig",
    ".env.example",
    ".gitattributes",
    ".gitignore",
    ".pre-commit-config.yaml",
    "AGENTS.md",
    "Dockerfile",
    "Makefile",
    "README.md",
    "compose.yaml",
    "docs/production.md",
    "environment.yml",
    "poetry.lock",
    "poetry.toml",
    "pyproject.toml",
    "requirements.txt",
    "scripts/consistency.py",
    "scripts/renewal.py",
    "scripts/reproduce.py",
    "secrets/.gitignore",
    f"src/{PACKAGE}/__init__.py",
    f"src/{PACKAGE}/__main__.py",
    f"src/{PACKAGE}/cli.py",
    f"src/{PACKAGE}/logs.py",
    f"src/{PACKAGE}/settings.py",
    "tests/conftest.py",
    "tests/test_cli.py",
    "tests/test_logs.py",
    "tests/test_settings.py",
}


def modules(*names: str, folder: str = "") -> set[str]:
    """Return the modules with these names in the package or in a folder of it, and their tests."""
    package = f"src/{PACKAGE}/{folder}"
    return {f"{package}{name}.py" for name in names} | {f"tests/test_{name}.py" for name in names}


API = modules("access_log", "docs", "errors", "health", "limits", "metrics") | {
    f"src/{PACKAGE}/app.py",
    f"src/{PACKAGE}/routes/__init__.py",
}
MODEL = {
    "data/README.md",
    "data/penguins.csv",
    "docs/model.md",
    *modules("predictions", folder="routes/"),
    *modules("batch", "features", "predictor", folder="model/"),
    f"src/{PACKAGE}/model/__init__.py",
    f"src/{PACKAGE}/model/metrics.py",
    f"src/{PACKAGE}/model/model.onnx",
    f"src/{PACKAGE}/model/schema.py",
    "tests/test_model.py",
    "tests/test_training.py",
    "tests/tiny.py",
    "training/__init__.py",
    "training/__main__.py",
    "training/columns.py",
    "training/converters.py",
    "training/data.py",
    "training/draft.py",
    "training/evaluate.py",
    "training/export.py",
    "training/pipeline.py",
    "training/report.py",
}
# By application or by kind.
ONLY_IN = {
    "service": API,
    "model-api": MODEL,
    "web-api": modules("quotes", folder="routes/"),
    "job": modules("exit_status", "files", "job") | {f"src/{PACKAGE}/shards.py", "data/orders.csv"},
}

CI = {
    "github": {
        ".github/dependabot.yml",
        ".github/workflows/ci.yml",
        ".github/workflows/renew.yml",
    },
    "gitlab": {".gitlab-ci.yml"},
    "none": set[str](),
}
# Names of a CI service, but not of packages or tools that work with any.
CI_NAMES = {"github": r"(?i)dependabot|github(?!\.com|\.io)|ghcr", "gitlab": r"(?i)gitlab(?!\.com)"}

DEPLOY = {
    "deploy/kubernetes/README.md",
    "deploy/kubernetes/base/account.yaml",
    "deploy/kubernetes/base/kustomization.yaml",
    "deploy/kubernetes/base/network.yaml",
    "deploy/kubernetes/base/settings.env",
    "deploy/kubernetes/namespaces.yaml",
    "deploy/kubernetes/overlays/production/kustomization.yaml",
    "deploy/kubernetes/overlays/staging/kustomization.yaml",
}
DEPLOY_API = {
    "deploy/kubernetes/base/deployment.yaml",
    "deploy/kubernetes/base/scaling.yaml",
    "deploy/kubernetes/base/service.yaml",
    "deploy/kubernetes/overlays/example/gateway.yaml",
    "deploy/kubernetes/overlays/example/ingress.yaml",
    "deploy/kubernetes/overlays/example/kustomization.yaml",
}
DEPLOY_ONLY_IN = {
    "model-api": {"deploy/kubernetes/model/kustomization.yaml"},
    "service": DEPLOY_API,
    "job": {f"deploy/kubernetes/base/{name}.yaml" for name in ("claim", "jobs", "pod")}
    | {"deploy/kubernetes/shared/kustomization.yaml"},
}


def test_a_project_has_exactly_these_files(baked: BakedProject) -> None:
    here = {baked.combination.application, baked.combination.kind}
    expected = EVERYWHERE.union(*(ONLY_IN[one] for one in here & set(ONLY_IN)))
    expected |= CI[baked.combination.ci]
    if baked.combination.deployment == "kubernetes":
        expected |= DEPLOY.union(*(DEPLOY_ONLY_IN[one] for one in here & set(DEPLOY_ONLY_IN)))
    assert baked.files() == expected


def test_git_ignores_secrets_and_data(baked: BakedProject, tmp_path: Path) -> None:
    for name in baked.files():
        if name.endswith(".gitignore"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copy(baked.path / name, tmp_path / name)
    run("git", "init", "--quiet", cwd=tmp_path)
    private = [".env", ".env.production", "secrets/a_token", ".venv/pyvenv.cfg"]
    private += ["data/own.csv"] if (baked.path / "data").exists() else []

    ignored = run("git", "check-ignore", *private, cwd=tmp_path).stdout

    assert ignored.split() == private


def test_a_project_names_no_ci_but_its_own(baked: BakedProject) -> None:
    others = [pattern for ci, pattern in CI_NAMES.items() if ci != baked.combination.ci]
    for name in text_files(baked) - {"poetry.lock"}:
        text = (baked.path / name).read_text("utf-8")
        found = [re.findall(pattern, name + text) for pattern in others]
        assert not any(found), (name, found)
    if own := CI_NAMES.get(baked.combination.ci):
        page = (baked.path / "docs/production.md").read_text("utf-8")
        assert re.search(own, page)
    elif baked.combination.ci == "none":
        assert not re.search(r"\bCI\b", (baked.path / "docs/production.md").read_text("utf-8"))


def test_no_folder_is_empty(baked: BakedProject) -> None:
    assert [
        path for path in baked.path.rglob("*") if path.is_dir() and not any(path.iterdir())
    ] == []


def text_files(baked: BakedProject) -> set[str]:
    """Return every file but the model, which is binary."""
    return {name for name in baked.files() if not name.endswith(".onnx")}


def test_nothing_of_cookiecutter_is_left(baked: BakedProject) -> None:
    # Except the record of the project's template.
    record = '[tool.cookiecutter]\ntemplate = "cookiecutter-'
    for name in text_files(baked):
        text = (baked.path / name).read_text("utf-8").replace(record, "")
        assert "cookiecutter" not in name + text, name
        # The expressions of GitHub and Docker are the only braces.
        assert not re.search(r"(?<!\$)\{\{(?!\.)|\{%", name + text), name


def test_every_text_file_ends_with_one_newline(baked: BakedProject) -> None:
    for name in text_files(baked):
        text = (baked.path / name).read_bytes()
        assert text.endswith(b"\n"), name
        assert not text.endswith(b"\n\n"), name
        assert b"\r" not in text, name


def test_every_data_file_parses(baked: BakedProject) -> None:
    for name in text_files(baked):
        text = (baked.path / name).read_text("utf-8")
        if name.endswith((".toml", ".lock")):
            tomllib.loads(text)
        elif name.endswith((".yml", ".yaml")):
            list(yaml.safe_load_all(text))
        elif name.endswith(".json"):
            json.loads(text)


def test_variables_for_commands_are_expanded_once(baked: BakedProject) -> None:
    # Make 4.4 expands each exported variable for each `$(shell ...)`, even for one in another.
    makefile = (baked.path / "Makefile").read_text("utf-8")

    assert re.findall(r"(?m)^.*export \w+ :=", makefile)
    assert re.findall(r"(?m)^.*export \w+ = .*", makefile) == []
