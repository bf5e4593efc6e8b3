"""Record a terminal session, from a fresh clone to a checked image, as `docs/recording.svg`.

A shell really runs the commands, and the answers are typed at its prompts. Long pauses are
shortened; the picture shows how long each command took. Needs Docker.

    .venv/bin/python scripts/recording.py
"""

import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "recording.svg"
SLUG = "bird-api"
# The terminal waits at each of these; at a question, an empty line takes the default.
PROMPT, QUESTION = "$ ", "): "
COMMANDS = [
    'make new ARGS="--output-dir .."',
    f"cd ../{SLUG}",
    'make image ARGS="--quiet --no-cache"',
    "make smoke",
]
ANSWERS = ["Bird API"]
COLUMNS, ROWS, HEIGHT, CHARACTER, MARGIN = 96, 26, 19, 8.0, 18
# Seconds of the recording: of the longest pause, and of typing an answer.
PAUSE, TYPING = 1.0, 0.4
# Seconds of the last screen before the recording starts, for readers who only glance at it.
STILL = 2
CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")


@dataclass
class Line:
    """A line of the terminal: when it appears, its output, and the input typed after it."""

    second: float
    printed: str
    typed: str = ""
    took: float = 0


def start_shell(folder: Path) -> tuple[int, int]:
    """Start a shell in a pseudo-terminal, and return its process ID and the terminal."""
    process, terminal = pty.fork()
    if process == 0:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        plain = {"PATH": path, "HOME": str(folder.parent), "TERM": "dumb", "PS1": PROMPT}
        plain["COMPOSE_PROGRESS"] = "plain"  # Else it prints each frame on new lines.
        os.chdir(folder)
        os.execvpe(  # noqa: S606 - the recording shows a shell
            "bash", ["bash", "--norc", "--noediting"], plain | {"COLUMNS": str(COLUMNS)}
        )
    return process, terminal


def record(folder: Path) -> list[Line]:
    """Run the commands; return every line with its time, in which pauses are shortened."""
    process, terminal = start_shell(folder)
    commands, answers = iter(COMMANDS), iter(ANSWERS)
    lines, text, clock, last = [Line(0, "")], "", 0.0, monotonic()
    prompted, began = lines[0], last
    while True:
        text += CONTROL.sub("", os.read(terminal, 4096).decode())
        clock, last = clock + min(monotonic() - last, PAUSE), monotonic()
        *complete, text = text.split("\n")
        for one in complete:
            set_output(lines[-1], one)
            lines.append(Line(clock, ""))
        set_output(lines[-1], text)
        if text == PROMPT:
            prompted.took, prompted, began = last - began, lines[-1], last
            if (typed := next(commands, None)) is None:
                break
        elif text.endswith(QUESTION):
            typed = next(answers, "")
        else:
            continue
        lines[-1].typed = typed
        clock += TYPING
        os.write(terminal, f"{typed}\n".encode())
    os.close(terminal)
    os.waitpid(process, 0)
    return lines[:-1]


def set_output(line: Line, text: str) -> None:
    """Set the output of a line, without the echo of its input."""
    line.printed = text.removesuffix(line.typed)


def styles(lines: list[Line]) -> Iterator[str]:
    """Yield the CSS that shows the lines in time and scrolls; without it, the last are visible."""
    duration = lines[-1].second + PAUSE
    yield "text{white-space:pre;font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;"
    yield f"fill:#d6dde6;animation:wait 0s {STILL}s}}"
    yield ".typed{fill:#7ee2a8}.took{fill:#8b98a8}"
    yield "@keyframes wait{from,to{opacity:0}}"
    top = max(len(lines) - ROWS, 0)
    steps = [f"0%{{transform:translateY({top * HEIGHT}px)}}"]
    for roll, line in enumerate(lines[ROWS:], 1):
        percent = 100 * line.second / duration
        steps.append(f"{percent:.2f}%{{transform:translateY({(top - roll) * HEIGHT}px)}}")
    yield f"@keyframes roll{{{''.join(steps)}}}"
    yield f"#screen{{animation:roll {duration:.2f}s {STILL}s step-end}}"
    yield "@media(prefers-reduced-motion){#screen,text{animation:none!important}}"


def draw_lines(lines: list[Line]) -> Iterator[str]:
    """Yield each line as an SVG text; without animation, the last ones are on the screen."""
    right = COLUMNS * CHARACTER + MARGIN
    for number, line in enumerate(lines, min(ROWS - len(lines), 0)):
        y = MARGIN + (number + 1) * HEIGHT
        delay = f'style="animation-duration:{line.second:.2f}s"'
        typed = f'<tspan class="typed">{escape(line.typed)}</tspan>' if line.typed else ""
        if line.printed or typed:
            yield f'<text x="{MARGIN}" y="{y}" {delay}>{escape(line.printed)}{typed}</text>'
        if round(line.took):
            took = f'class="took" x="{right:.0f}" y="{y}" text-anchor="end" {delay}'
            yield f"<text {took}>{line.took:.0f} s</text>"


def draw(lines: list[Line]) -> str:
    """Return the picture of a dark terminal, which is readable on light and dark pages."""
    width, height = COLUMNS * CHARACTER + 2 * MARGIN, ROWS * HEIGHT + 2 * MARGIN
    inside = f'x="0" y="{MARGIN + 5}" width="{width:.0f}" height="{ROWS * HEIGHT}"'
    border = 'rx="8" fill="#161b22" stroke="#3d444d"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}">',
            "<title>A terminal: a project is made, its image built and checked</title>",
            f"<style>{''.join(styles(lines))}</style>",
            f'<clipPath id="inside"><rect {inside}/></clipPath>',
            f'<rect x="1" y="1" width="{width - 2:.0f}" height="{height - 2}" {border}/>',
            '<g clip-path="url(#inside)"><g id="screen">',
            *draw_lines(lines),
            "</g></g></svg>\n",
        ]
    )


def main() -> None:
    """Record in a clone that uses the tools of this interpreter, and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "template")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        # Replaces `make cookiecutter`.
        (clone / ".venv-new").mkdir()
        (clone / ".venv-new" / "bin").symlink_to(Path(sys.executable).parent)
        (clone / ".venv-new" / "installed").touch()
        lines = record(clone)
    subprocess.run(["docker", "image", "rm", SLUG], check=True, stdout=subprocess.DEVNULL)
    TARGET.write_text(draw(lines), "utf-8")
    print(f"{TARGET.relative_to(ROOT)}: {len(lines)} lines, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
