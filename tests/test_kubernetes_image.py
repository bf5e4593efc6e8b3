"""The image takes what Kubernetes gives it: settings, secrets, a model."""

import shutil
from pathlib import Path

import pytest

from tests.containers import container, run_once, wait_until
from tests.harness import KUBERNETES, PACKAGE, BakedProject, each, run
from tests.manifests import OVERLAYS, pods, settings

PREFIX = f"{PACKAGE.upper()}_"

pytestmark = pytest.mark.usefixtures("docker", "kubectl")


def quick(project: BakedProject) -> list[str]:
    """A command that reads the settings and ends, with 1, for there is nothing to work on."""
    return ["merge", "in", "out"] if project.combination.application == "job" else ["probe"]


@each(KUBERNETES)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_image_takes_the_settings(baked: BakedProject, image: str, overlay: str) -> None:
    given = [f"--env={name}={value}" for name, value in settings(baked, overlay).items()]

    result = run_once(image, *given, command=quick(baked))

    assert result.returncode == 1, result.stderr
    assert "Wrong settings" not in result.stdout + result.stderr


@each(KUBERNETES)
def test_the_image_reads_a_secret_as_kubernetes_mounts_it(
    baked: BakedProject, image: str, tmp_path: Path
) -> None:
    (pod, *_) = pods(baked, "production").values()
    mounts = {it["name"]: it["mountPath"] for it in pod["spec"]["containers"][0]["volumeMounts"]}
    key = f"{PREFIX.lower()}log_format"
    (tmp_path / "..2026_11_25").mkdir()
    (tmp_path / "..2026_11_25" / key).write_text("hunter2")
    (tmp_path / "..data").symlink_to("..2026_11_25")
    (tmp_path / key).symlink_to(f"..data/{key}")
    tmp_path.chmod(0o755)

    result = run_once(image, f"--volume={tmp_path}:{mounts['secrets']}:ro", command=quick(baked))

    assert result.returncode == 2
    assert f"{PREFIX}LOG_FORMAT: Input should be 'auto', 'console' or 'json'" in result.stderr


@each([one for one in KUBERNETES if one.application == "model-api"])
def test_the_image_serves_the_model_of_the_volume(
    baked: BakedProject, image: str, tmp_path: Path
) -> None:
    given = [f"--env={name}={value}" for name, value in settings(baked, "production").items()]
    path = Path(settings(baked, "production")[f"{PREFIX}MODEL_PATH"])
    shutil.copy(baked.path / f"src/{PACKAGE}/model/model.onnx", tmp_path / path.name)
    tmp_path.chmod(0o755)

    missing = run_once(image, *given, command=["predict", "in.csv"])
    with container(image, *given, f"--volume={tmp_path}:{path.parent}:ro") as name:
        wait_until(lambda: '"event":"model loaded"' in run("docker", "logs", name).stdout, name)

    assert missing.returncode == 1
    assert f"{path} cannot be read: No such file" in missing.stdout
