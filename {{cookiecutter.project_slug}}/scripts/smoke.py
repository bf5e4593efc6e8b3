"""Import every module of this project with what production has, and start its command.

`make smoke` sends this to the Python of the image, where nothing of development is installed.
"""

import importlib
import pkgutil
import subprocess
import sys

import {{ cookiecutter.package_name }} as package

# Modules that need development's packages; production never imports them.
DEVELOPMENT = {"report", "training"}


def main() -> None:
    """Fail with the traceback of the first module that cannot be imported."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name.rpartition(".")[2] not in DEVELOPMENT | {"__main__"}:
            importlib.import_module(module.name)
            print(module.name)
    subprocess.run([sys.executable, "-m", package.__name__, "--help"], check=True)  # noqa: S603 - no input


if __name__ == "__main__":
    main()
