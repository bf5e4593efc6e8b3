"""Check the answers before anything is written."""

import json
import re
import sys

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

if not re.fullmatch(r"[a-z][a-z0-9_]*", ANSWERS["package_name"]):
    sys.exit(f"{ANSWERS['package_name']!r} is no package name")
