"""The Kubernetes manifests of a job agree with its image, with Compose and with its README."""

import re
import shutil
from pathlib import Path

import pytest

from tests.helpers.harness import KUBERNETES, SLUG, BakedProject, each
from tests.helpers.manifests import OVERLAYS, compose, jobs, objects, only_object, pods, text

JOBS = [one for one in KUBERNETES if one.kind == "job"]
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)

pytestmark = pytest.mark.usefixtures("kubectl")


@each(JOBS)
@each_overlay
def test_the_jobs_agree_on_files_and_on_the_number_of_shards(
    baked: BakedProject, overlay: str
) -> None:
    specs = {one["metadata"]["name"]: one["spec"] for one in jobs(baked, overlay)}
    arguments = {
        name: spec["template"]["spec"]["containers"][0].get("args") for name, spec in specs.items()
    }

    shards = specs[f"{SLUG}-shards"]
    count = shards["completions"]
    assert (shards["completionMode"], shards["parallelism"]) == ("Indexed", count)
    merge = arguments[f"{SLUG}-merge"]
    assert arguments[f"{SLUG}-shards"] == ["run", "--shard", f"/{count}", *merge[1:]]
    assert merge[0] == "merge"
    # The nightly run replaces its output, which must not be that of another job.
    assert arguments[SLUG] == compose(baked)["command"]
    assert arguments[SLUG][2] != merge[2]
    suspended = {
        name: one["spec"].get("suspend", False)
        for name, one in objects(baked, overlay, "CronJob").items()
    }
    assert suspended == {
        SLUG: False,
        f"{SLUG}-load": True,
        f"{SLUG}-shards": True,
        f"{SLUG}-merge": True,
    }


@each(JOBS)
@each_overlay
def test_a_job_uses_the_claim_and_is_only_retried_if_that_may_help(
    baked: BakedProject, overlay: str
) -> None:
    readme = text(baked, "README.md")
    permanent = list(
        map(int, re.findall(r"^\| (\d+) \|.*\| fails again \|$", readme, re.MULTILINE))
    )
    only_object(baked, overlay, "PersistentVolumeClaim")
    policy = only_object(baked, overlay, "NetworkPolicy")["spec"]
    assert not {"ingress", "egress"} & set(policy)

    for one in jobs(baked, overlay):
        spec = one["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        mounts = {it["name"]: it["mountPath"] for it in container["volumeMounts"]}
        # The working directory of the image is the root.
        assert mounts["data"] == "/data"
        files = [it for it in container.get("args", []) if "." in it]
        assert all(it.startswith("data/") for it in files)
        assert spec["restartPolicy"] == "Never"
        fails, ignores = one["spec"]["podFailurePolicy"]["rules"]
        assert (fails["action"], fails["onExitCodes"]["values"]) == ("FailJob", permanent)
        assert ignores["onPodConditions"] == [{"type": "DisruptionTarget"}]
        # A pod that cannot start must not block the next run, a day later.
        assert one["spec"]["activeDeadlineSeconds"] < 24 * 3600


@each(JOBS)
def test_jobs_run_on_the_node_of_their_volume_unless_nodes_share_it(
    baked: BakedProject, tmp_path: Path
) -> None:
    shared = tmp_path / "project"
    shutil.copytree(baked.path / "deploy", shared / "deploy")
    overlay = shared / "deploy/kubernetes/overlays/production/kustomization.yaml"
    with overlay.open("a") as file:
        file.write("components:\n  - ../../shared\n")

    for project, mode in [
        (baked, "ReadWriteOnce"),
        (BakedProject(shared, baked.combination), "ReadWriteMany"),
    ]:
        claim = only_object(project, "production", "PersistentVolumeClaim")["spec"]
        assert claim["accessModes"] == [mode]
        for pod in pods(project, "production").values():
            if mode == "ReadWriteMany":
                assert "affinity" not in pod["spec"]
                continue
            (term,) = pod["spec"]["affinity"]["podAffinity"][
                "requiredDuringSchedulingIgnoredDuringExecution"
            ]
            assert term["labelSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


@each(JOBS)
def test_a_job_gets_a_network_as_its_page_says(baked: BakedProject, tmp_path: Path) -> None:
    page = text(baked, "docs/production.md")
    ((name, file),) = re.findall(r"`network_mode` from .*, and `(\w+)` from\n`(.*)`", page)
    changed = BakedProject(tmp_path / "project", baked.combination)
    shutil.copytree(baked.path / "deploy", changed.path / "deploy")
    policy = changed.path / file
    policy.write_text(policy.read_text("utf-8").replace(f"    - {name}\n", ""), "utf-8")

    assert only_object(changed, "production", "NetworkPolicy")["spec"]["policyTypes"] == ["Ingress"]
