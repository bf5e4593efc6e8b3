"""Import every module of this project with what production has, and start its command.

`make smoke` sends this to the Python of the image, where nothing of development is installed.
"""

import importlib
import pkgutil
import subprocess
import sys

PACKAGE = "{{ cookiecutter.package_name }}"
# Modules that need development's packages; production never imports them.
DEVELOPMENT = {"report", "training"}


def main() -> None:
    """Fail with the traceback of the first module that cannot be imported."""
    package = importlib.import_module(PACKAGE)
    for module in pkgutil.walk_packages(package.__path__, f"{PACKAGE}."):
        if module.name.rpartition(".")[2] not in DEVELOPMENT | {"__main__"}:
            importlib.import_module(module.name)
            print(module.name)
    subprocess.run([sys.executable, "-m", PACKAGE, "--help"], check=True)  # noqa: S603 - no input


if __name__ == "__main__":
    main()
