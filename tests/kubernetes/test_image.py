"""The image reads settings, secrets and a model as Kubernetes provides them."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.containers import container, run_once, wait_until_healthy
from tests.helpers.harness import KUBERNETES, PACKAGE, BakedProject, each
from tests.helpers.manifests import OVERLAYS, pods, settings

PREFIX = f"{PACKAGE.upper()}_"

pytestmark = pytest.mark.usefixtures("docker", "kubectl")


def env_options(project: BakedProject, overlay: str) -> list[str]:
    """Return the settings of an overlay, as options of `docker run`."""
    return [f"--env={name}={value}" for name, value in settings(project, overlay).items()]


def failing_command(project: BakedProject) -> list[str]:
    """Return a command that reads the settings and then fails at once, for lack of input."""
    is_job = project.combination.kind == "job"
    return ["merge", "in", "out"] if is_job else ["healthcheck"]


@each(KUBERNETES)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_image_accepts_the_settings_without_any_secret(
    baked: BakedProject, image: str, overlay: str
) -> None:
    result = run_once(image, *env_options(baked, overlay), command=failing_command(baked))

    # The exit status for invalid settings is 2.
    assert result.returncode not in {0, 2}, result.stderr
    assert "settings" not in result.stdout + result.stderr


@each(KUBERNETES)
def test_the_image_reads_a_secret_as_kubernetes_mounts_it(
    baked: BakedProject, image: str, tmp_path: Path
) -> None:
    (pod, *_) = pods(baked, "production").values()
    mounts = {it["name"]: it["mountPath"] for it in pod["spec"]["containers"][0]["volumeMounts"]}
    key = f"{PREFIX.lower()}log_level"
    (tmp_path / "..2026_11_25").mkdir()
    (tmp_path / "..2026_11_25" / key).write_text("hunter2")
    (tmp_path / "..data").symlink_to("..2026_11_25")
    (tmp_path / key).symlink_to(f"..data/{key}")
    tmp_path.chmod(0o755)
    # A token of a cloud provider, mounted beside it.
    token = tmp_path / "token"
    token.write_text("secret")
    options = [
        *(one for one in env_options(baked, "production") if "LOG_LEVEL" not in one),
        f"--volume={tmp_path}:{mounts['secrets']}:ro",
        f"--volume={token}:/run/secrets/azure/tokens/azure-identity-token:ro",
    ]

    result = run_once(image, *options, command=failing_command(baked))

    assert result.returncode == 2
    message = f"{PREFIX}LOG_LEVEL: Input should be 'debug'"
    assert message in result.stdout + result.stderr


@each([one for one in KUBERNETES if one.application == "model-api"])
def test_the_image_serves_the_model_of_the_volume(
    baked: BakedProject, image: str, tmp_path: Path
) -> None:
    given = env_options(baked, "production")
    path = Path(settings(baked, "production")[f"{PREFIX}MODEL_PATH"])
    shutil.copy(baked.path / f"src/{PACKAGE}/model/model.onnx", tmp_path / path.name)
    tmp_path.chmod(0o755)

    missing = run_once(image, *given, command=["model"])
    with container(image, *given, f"--volume={tmp_path}:{path.parent}:ro") as name:
        wait_until_healthy(name)  # Only if it serves the model.

    assert missing.returncode == 1
    assert f"{path} cannot be read: No such file" in missing.stdout + missing.stderr
