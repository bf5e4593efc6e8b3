"""Rebuild a pushed image from its commit and compare: `make reproduce IMAGE=NAME@sha256:DIGEST`."""

import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory


def run(*command: str | Path) -> str:
    """Return the output of a command, or exit with its status if it fails."""
    result = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603 - no shell
    if result.returncode:
        sys.exit(result.returncode)  # It has printed the reason.
    return result.stdout


def parts(archive: Path) -> dict[str, object]:
    """Return the settings of an image, and the metadata and digest of each file in its layers."""
    folder = archive.with_suffix("")
    with tarfile.open(archive) as image:
        image.extractall(folder, filter="data")
    (manifest,) = json.loads((folder / "manifest.json").read_bytes())
    settings = json.loads((folder / manifest["Config"]).read_bytes())["config"]
    found: dict[str, object] = {f"settings: {name}": value for name, value in settings.items()}
    for number, layer in enumerate(manifest["Layers"], 1):
        with tarfile.open(folder / layer) as files:
            for file in files:
                content = files.extractfile(file) if file.isreg() else None
                digest = content and hashlib.sha256(content.read()).digest()
                found[f"layer {number}: {file.name}"] = (file.get_info(), digest)
    return found


def main(image: str, *options: str) -> int:
    """Print the differences, and return 1 if there are any; `options` go to docker build."""
    run("docker", "pull", "--quiet", image)
    labels = json.loads(run("docker", "image", "inspect", image))[0]["Config"]["Labels"]
    revision, source = (labels[f"org.opencontainers.image.{it}"] for it in ("revision", "source"))
    with TemporaryDirectory() as folder:
        pushed, rebuilt, tree = (Path(folder, it) for it in ("pushed.tar", "rebuilt.tar", "tree"))
        project = tree / run("git", "rev-parse", "--show-prefix").strip()
        run("docker", "save", "--output", pushed, image)
        run("git", "worktree", "add", "--detach", tree, revision)
        output = f"--output=type=docker,dest={rebuilt},rewrite-timestamp=true"
        others = f"--no-cache --provenance=false --build-arg=SOURCE={source} {' '.join(options)}"
        try:
            run("make", "--directory", project, "image", "IMAGE=rebuilt", f"ARGS={output} {others}")
        finally:
            run("git", "worktree", "remove", "--force", tree)
        before, after = parts(pushed), parts(rebuilt)
    different = [it for it in before | after if before.get(it) != after.get(it)]
    print(*different or [f"{image} is what {revision} builds."], sep="\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
