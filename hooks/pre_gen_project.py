"""Check the answers, and refuse all wrong ones at once. Cookiecutter renders and runs this file."""

import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", sys.flags.isolated):
    del sys.path[0]  # The temporary folder, which may contain a stray json.py.

import builtins
import json
import keyword
import os
import re
from collections.abc import Iterator
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
VERSION = "2026.11.0"  # A replay file has the version that wrote it.
if ANSWERS.get("project_slug") == "refused-answers":
    # Cookiecutter creates the folder before it runs this hook, so a bad slug must not name it.
    ANSWERS["project_slug"] = ANSWERS["__slug"]
# Control characters, line breaks, changes of direction, and noncharacters.
CONTROL = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
INVISIBLE = r"\s\u00ad\u200b-\u200f\u2060\ufeff"
ATOM, LABEL = r'[^\s@.<>()\[\],;:\\"]+', r"(?!-)[^\s!-,./:-@\[-`{-~]{1,63}(?<!-)"
EMAIL = rf"{ATOM}(?:\.{ATOM})*@{LABEL}(?:\.{LABEL})+"
# The label of each question, and answers to it that are always valid: of a choice, all.
QUESTIONS = {key: (label, valid) for key, label, *valid in ANSWERS["_questions"]}
EVERY = " ".join(QUESTIONS)
RULES = [  # The questions, the pattern of the whole answer, and the message if it does not match.
    (EVERY, rf"[^{CONTROL}]*", "One line of text, without control characters."),
    (EVERY, rf"(?!\s).*[^{INVISIBLE}].*(?<!\s)", "Not empty, and no space at either end."),
    ("project_name author_name", ".{1,80}", "At most 80 characters."),
    ("description author_email", ".{1,254}", "At most 254 characters."),
    ("project_slug", "[a-z0-9]+(-[a-z0-9]+)*", "Only a to z, 0 to 9, and single hyphens between."),
    ("package_name", "[a-z][a-z0-9_]*", "Only a to z, 0 to 9 and underscores, a letter first."),
    ("project_slug package_name", ".{1,40}", "At most 40 characters."),
    ("author_name", "[^<>]*", "No < or >: Poetry expects the e-mail between them."),
    ("author_email", EMAIL, "One address, such as ann@example.com."),
]
# The names of this Python; `_taken_names` adds those of other versions.
LANGUAGE = [*keyword.kwlist, *keyword.softkwlist, *filter(str.islower, dir(builtins))]
NAMES = {"language": LANGUAGE, "library": sys.stdlib_module_names}


def broken_rule(key: str, answer: object) -> str:
    """Return the message of the first rule that the answer breaks, or an empty string."""
    if not isinstance(answer, str):
        return "It has to be text."
    refused = ANSWERS["_refused"].get(str(ANSWERS.get("application")), {})
    offered = [choice for choice in QUESTIONS[key][1] if choice not in refused]
    if len(offered) > 1 and answer not in offered:
        message = f"Choose {', '.join(offered[:-1])} or {offered[-1]}."
        return f"{refused.get(answer, '')} {message}".strip()
    for questions, pattern, message in RULES:
        if key in questions.split() and not re.fullmatch(pattern, answer):
            return message
    spellings = {answer, re.sub("[-_.]+", "-", answer).lower()}
    for kind, taken in ANSWERS["_taken_names"].items():
        names = {*re.split("[ =,]", taken["names"]), *NAMES.get(kind, [])}
        if key in taken["questions"] and spellings & names:
            return str(taken["says"])
    return ""


def suggest(key: str, answer: object) -> str:
    """Return the answer if it is valid, or else the nearest valid one."""
    import unicodedata  # Imported only if an answer is wrong.

    line = " ".join(re.sub(f"[{CONTROL}]", " ", str(answer)).split())
    plain = unicodedata.normalize("NFKD", line).encode("ascii", "ignore").decode().lower()
    slug = "-".join(re.findall("[a-z0-9]+", plain))[:34].strip("-")
    word = slug.replace("-", "_")
    nearest = {
        "project_slug": [slug, f"{slug}-app"],
        "package_name": [word, f"{word}_app", f"app_{word}".strip("_")],
        "author_email": re.findall(EMAIL, line),
    }.get(key, [line, line[:80].strip(), re.sub("[<>]", "", line)[:80].strip()])
    candidates = (answer, *nearest, *QUESTIONS[key][1])
    return str(next(one for one in candidates if not broken_rule(key, one)))


def wrong_answers() -> "Iterator[tuple[str, object, str, str]]":
    """Yield the label, the answer, the broken rule and a suggestion for each wrong answer."""
    for key, (label, _) in QUESTIONS.items():
        if rule := broken_rule(key, ANSWERS.get(key)):
            yield label, ANSWERS.get(key), rule, repr(suggest(key, ANSWERS.get(key)))
    if (prefix := ANSWERS["__env_prefix"]) != f"{ANSWERS.get('package_name')}_".upper():
        yield "__env_prefix", prefix, "It follows from the package.", "without the replay file"
    if (kind := ANSWERS["__kind"]) != ANSWERS["_kinds"].get(str(ANSWERS.get("application")), kind):
        yield "__kind", kind, "It follows from the application.", "without the replay file"
    if (version := ANSWERS["_version"]) != VERSION:
        yield "_version", version, f"The template is {VERSION}.", "without the replay file"


def wrong_folder() -> "Iterator[tuple[str, object, str, str]]":
    """Yield the same for each file that would be lost, and for a folder that is not writable."""
    probe = Path(f".room-{os.getpid()}")
    lost: "list[str]" = []  # Not the files in a folder that would be lost.
    for pattern, owners in ANSWERS["_belongs_to"].items():
        path = pattern.format(package=ANSWERS.get("package_name"))
        kept = all(ANSWERS.get(key) in answers for key, answers in owners.items())
        if not kept and not path.startswith(tuple(lost)) and os.path.lexists(path):
            lost.append(f"{path}/")
            yield "Folder", path, "It belongs to other answers: it would be lost.", "moving it away"
    try:
        try:
            probe.write_bytes(bytes(2_000_000))  # A project takes less than half of that.
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        yield "Folder", str(Path.cwd()), f"Cannot be written: {error.strerror}.", "another folder"


def as_argument(key: str, answer: str) -> str:
    """Quote an answer for any shell, and for cookiecutter, which renders its arguments."""
    text = re.sub(r"[^\w .,:;@'()/+=~-]", lambda match: f"\\U{ord(match[0]):08x}", answer)
    if text != answer:
        text = "{" + "{ '" + text.replace("'", "\\U00000027") + "' }" + "}"
    return f'"{key}={text}"'


def retry_command() -> str:
    """Return the command that asks again, with valid answers and suggestions as defaults."""
    import shlex

    quote = shlex.quote if os.name == "posix" else '"{}"'.format
    parts = ["cookiecutter", quote(ANSWERS["_template"])]
    for option in ("_checkout", "_output_dir"):
        if ANSWERS.get(option):
            parts += ["--" + option[1:].replace("_", "-"), quote(ANSWERS[option])]
    parts += ["--overwrite-if-exists"] if any(os.scandir()) else []
    parts += [as_argument(key, suggest(key, ANSWERS.get(key))) for key in QUESTIONS]
    return " ".join(parts)


def main() -> None:
    """Exit with a message if anything is wrong."""
    wrong = [*wrong_answers(), *wrong_folder()]
    shape = "{}\n  given  {:.90}\n  rule   {}\n  try    {}\n"
    shown = [shape.format(label, repr(given), rule, right) for label, given, rule, right in wrong]
    if wrong:
        shown += ["Try again, with these as the defaults:", retry_command(), ""]
        sys.exit("\n".join(["\nNo project was made.\n", *shown]))


if __name__ == "__main__":
    main()
