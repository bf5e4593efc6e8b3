import random
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from my_application.model.batch import FileError
from my_application.model.predictor import PACKAGED_MODEL

from training.columns import TOO_LONG, find_bounds
from training.data import DataError, load
from training.draft import draft

COLUMNS: dict[str, Any] = {
    "customer_id": lambda n: 1000 + n,
    "Order No.": lambda n: f"A-{n:05}",
    "Unnamed: 0": lambda n: 5 * n,
    "con\nstant": lambda _: "x",
    "empty": lambda _: "NA",
    "Monthly fee (€)": lambda n: ["", "19.90", "29.5", "0.25"][n % 4],
    "calls": lambda n: n % 37,
    "Paid by": lambda n: ["Card", "card ", "bank"][n % 3],
    "plan": lambda n: ["basic", 'the "plus"', "pro\\"][n % 3],
    "city": lambda n: f"city {n % 60}",
    "VIP": lambda n: ["True", "False"][n % 2],
    "date": lambda n: f"2026-01-{n % 28 + 1:02}",
    "seen": lambda n: f"2026-01-01 12:00:{n % 60:02}",
    "sold": lambda n: f"2026010{n % 9 + 1}T000000",
    "opened": lambda n: f"2026-01-{n % 28 + 1:02} 00:00:00",
    "booked": lambda n: f"{n % 12 + 1}/{n % 28 + 1}/2026 {n % 9 + 1:02}:00 PM",
    "hour": lambda n: f"{n % 24}:00",
    "distance": lambda n: f"{n % 70 / 10} km",
    "term": lambda n: f"{n % 3 * 12 + 12} months",
    "paid": lambda n: f"2026-1-{n % 28 + 1}",
    "due": lambda n: f"{n % 28 + 1}-01-1990",
    "until": lambda n: "unknown" if n % 9 == 0 else f"2026-01-{n % 28 + 1:02}",
    "rank": lambda n: n % 10 or "?",
    "share": lambda n: "?" if n % 9 == 0 else f"0,{n % 70:02}",
    "Type": lambda n: n % 6,
    "type": lambda n: n % 6,
    "model_validate_x": lambda n: n % 6,
    "host": lambda n: ["0.0.0.0", "/tmp/x"][n % 2],  # noqa: S104, S108 - not used as such
    "born": lambda n: f"{n % 28 + 1}.1.1990",
    "height": lambda n: f"1,{n % 70:02}",
    "zip": lambda n: f"0{n % 40 + 1000}",
    "income": lambda n: "-" if n % 9 == 0 else n * 100,
    "ratio": lambda n: "inf" if n % 50 == 0 else n,
    "loss": lambda n: f"({n}.50)",
    "token": lambda n: f"token {n % 30}",
    "L": lambda n: n % 11,
    "fee": lambda n: f"${n}.30",
    "growth": lambda n: f"{n / 10} %",
    "one": lambda n: ["1", "1.0", "01"][n % 3],
    "product": lambda n: 123456789 + n % 4,
    "day": lambda n: f"202401{n % 28 + 1:02}",
    "temp": lambda n: "-" if n % 2 else n / 100,
    "self": lambda n: n % 12,
    "huge": lambda n: 10**30 + n % 90,
    "tiny": lambda n: f"{n % 40}e-300",
    "label": lambda n: n % 8,
    "n__jobs": lambda n: f"{n % 3} jobs",
    "class": lambda n: n % 5,
    "a b": lambda n: n % 6,
    "a_b": lambda n: n % 7,
    "Größe (m)": lambda n: n % 9,
    "型": lambda n: n % 10,
    "comment": lambda n: f"the {n} item is broken",
    "churned": lambda n: ["no", "yes"][n % 2] if n else "#N/A",
}


LINES = [
    "    # Left out: customer_id (an ID).",
    "    # Left out: Order No. (different in most rows, like an ID).",
    "    # Left out: Unnamed: 0 (an ID).",
    "    # Left out: paid (dates; write them as YYYY-MM-DD).",
    "    # Left out: due (dates; write them as YYYY-MM-DD).",
    "    # Left out: until (dates; write them as YYYY-MM-DD).",
    "    # Left out: rank (numbers except for '?'; leave these cells empty).",
    "    # Left out: share (numbers; write them with a decimal point and nothing else).",
    '    type_: int = Field(ge=0, le=8, validation_alias="Type")',
    "    # Left out: con stant (always 'x').",
    f"    # Left out: product ({TOO_LONG}).",
    f"    # Left out: day ({TOO_LONG}).",
    "    # Left out: temp (numbers except for '-'; leave these cells empty).",
    '    self_: int = Field(ge=0, le=17, validation_alias="self")',
    "    # Left out: empty (always missing).",
    "    # Left out: seen (times; convert them to dates or numbers).",
    "    # Left out: sold (times; convert them to dates or numbers).",
    "    opened: Date",
    "    # Left out: booked (times; convert them to dates or numbers).",
    "    # Left out: hour (times; convert them to dates or numbers).",
    "    # Left out: distance (numbers; write them with a decimal point and nothing else).",
    '    term: Literal["12 months", "24 months", "36 months"]',
    "    # Left out: born (dates; write them as YYYY-MM-DD).",
    "    # Left out: income (numbers except for '-'; leave these cells empty).",
    "    # Left out: fee (numbers; write them with a decimal point and nothing else).",
    "    # Left out: growth (numbers; write them with a decimal point and nothing else).",
    "    # Rows without churned: 1 ('#N/A').",
    "    # Left out: ratio (numbers except for 'inf'; leave these cells empty).",
    "    # Left out: loss (numbers; write them with a decimal point and nothing else).",
    '    zip_: str = Field(max_length=10, validation_alias="zip")',
    "    # Paid by has both 'Card' and 'card': use one spelling.",
    "    calls: int = Field(ge=0, le=60)",
    '    label_: int = Field(ge=0, le=11, validation_alias="label")',
    """    plan: Literal["basic", "pro\\\\", 'the "plus"']""",
    "    city: str = Field(max_length=14)",
    '    vip: bool = Field(validation_alias="VIP")',
    "    date: Date",
    '    class_: int = Field(ge=0, le=6, validation_alias="class")',
    '    a_b_21: int = Field(ge=0, le=8, validation_alias="a b")',
    "    a_b: int = Field(ge=0, le=9)",
    '    grosse_m: int = Field(ge=0, le=12, validation_alias="Größe (m)")',
    '    churned: Literal["no", "yes"]',
]


@pytest.fixture
def churn(tmp_path: Path) -> Path:
    rows = [",".join(f'"{name}"' for name in COLUMNS)]
    for n in random.Random(0).sample(range(200), 200):  # noqa: S311 - no secret
        cells = [str(make(n)).replace('"', '""') for make in COLUMNS.values()]
        rows.append(",".join(f'"{cell}"' for cell in cells))
    path = tmp_path / "churn–2026.csv"  # noqa: RUF001 - a name that users choose
    path.write_text("\n".join(rows), "utf-8")
    return path


def test_a_draft_describes_every_column(churn: Path) -> None:
    source = draft(churn, "churned")

    assert [line for line in LINES if f"{line}\n" not in source] == []
    assert "    # Left out: one (always '" in source
    fee = 'Field(default=None, ge=0, le=50, validation_alias="Monthly fee (€)")'
    assert f"    monthly_fee: float | None = {fee}\n" in source


def test_a_draft_matches_the_data_and_passes_the_linters(churn: Path) -> None:
    path = churn.with_name("schema.py")
    source = draft(churn, "churned")
    path.write_text(source, "utf-8")

    data = load(runpy.run_path(str(path), run_name="drafted")["SCHEMA"], churn)

    assert len(data.table) == 199
    lint(source)


def lint(source: str) -> None:
    ruff = [sys.executable, "-m", "ruff"]
    place = ["--no-cache", "--stdin-filename", str(PACKAGED_MODEL.with_name("schema.py")), "-"]
    for command in (["check"], ["format", "--check"]):
        subprocess.run([*ruff, *command, *place], input=source, text=True, check=True)  # noqa: S603 - no shell


def test_a_draft_has_no_unused_imports(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    rows = [f"{['update', 'Date'][n % 2]},{['true', 'false'][n % 3 % 2]},{n}\n" for n in range(90)]
    path.write_text("plan,vip,price\n" + "".join(rows))

    source = draft(path, "price")

    lint(source)
    assert "from datetime" not in source


def test_fields_have_different_names_and_predictions_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    rows = "".join(f"{n % 7},{n % 5},{n % 3},{n / 2},{n % 2}\n" for n in range(90))
    path.write_text(f"x,X,x_2,prediction,y\n{rows}")

    source = draft(path, "y")

    lint(source)
    fields = re.findall(r"^    (x\w*): ", source, re.MULTILINE)
    assert len(fields) == len(set(fields)) == 3
    assert "# Left out: prediction (a prediction)." in source
    path.write_text(path.read_text().replace("prediction,y", "other,prediction"))
    assert "# Left out" not in draft(path, "prediction")


def test_numbers_can_be_labels_or_values(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("x,few,many\n" + "".join(f"{n % 50},{n % 3},{n / 2}\n" for n in range(90)))

    assert '    few: Literal["0", "1", "2"]\n' in draft(path, "few")
    assert '    few: float = Field(description="few")\n' in draft(path, "few", regression=True)
    assert '    many: float = Field(description="many")\n' in draft(path, "many")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "has no rows"),
        ("x,y\n", "has no rows"),
        ("x,target\n1,a\n", "no column 'y'. Is it 'x', 'target'?"),
        ("x,yy\n1,a\n", "no column 'y'. Is it 'yy'?"),
        ("x,y\n1,\n", "no values in the column 'y'"),
        ("x,y\n1,a\n2,a\n", "the column 'y' is always 'a'"),
        ("x,y\n1,a\n1,b\n", "no column to learn from. Left out: x (always '1')."),
        ("y\na\nb\n", "no column to learn from."),
        ("x,y\n1,0\n2,1.0\n3,1\n", "has both '1' and '1.0'"),
        ("x,y\n" + "".join(f"{n % 9},a{n}\n" for n in range(150)), "150 labels, such as 'a0',"),
        ("x;y\n" + "".join(f"{n};{n},5\n" for n in range(150)), "write them with a decimal point"),
        ("x,y\n1,NAN\n" + "".join(f"{n % 9},{n}\n" for n in range(150)), "such as 'NAN'."),
        ("x,y\n" + "".join(f"{n % 9},{10**8 + n}\n" for n in range(99)), f"'y' has {TOO_LONG}"),
    ],
)
def test_invalid_data_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(content)

    with pytest.raises((DataError, FileError)) as caught:
        draft(path, "y")

    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("values", "bounds"),
    [
        ([0.0, 1e-12], (0, 1.5e-12)),
        ([-3, 12], (-11, 20)),
        ([10**30, 10**30 + 89], (10**30, 10**30 + 89)),
        ([0.1, 0.3], (0, 0.4)),
    ],
)
def test_bounds_are_round_and_leave_some_room(values: list[float], bounds: object) -> None:
    low, high = find_bounds(values)

    assert low <= values[0]
    assert high >= values[1]
    assert (low, high) == bounds or values[0] == 10**30
