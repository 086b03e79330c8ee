"""What `millrace` itself answers of a lake, and answers made comparable."""

import datetime
import json
import math
import subprocess


class Lake:
    def __init__(self, program: str, folder: str) -> None:
        self.program = program
        self.folder = folder

    def run(self, *arguments: str) -> str:
        command = [self.program, *arguments, "--json", "--lake", self.folder]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, f"{arguments}: {ended.stderr}"
        return ended.stdout

    def query(self, sql: str) -> list[dict]:
        return json.loads(self.run("query", sql))

    def tables(self) -> dict[str, list[str]]:
        """The columns of every table."""
        told = json.loads(self.run("tables"))["tables"]
        return {table["name"]: [column["name"] for column in table["schema"]] for table in told}


def milliseconds(text: str) -> int:
    """A time or a day as Superset's charts tell it."""
    time = datetime.datetime.fromisoformat(text)
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.timezone.utc)
    return (time - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(milliseconds=1)


def in_milliseconds(rows: list[dict], column: str) -> list[dict]:
    """Rows of ours, a column of them as charts tell times."""
    return [row | {column: None if row[column] is None else milliseconds(row[column])} for row in rows]


def same(ours: list[dict], theirs: list[dict], told: str, ordered: bool = False) -> None:
    """Holds rows against one another; numbers to the last bits, in which sums of another order differ."""
    assert ours, f"nothing to compare: {told}"

    def key(row: dict) -> str:
        # A number that may differ in its last bits decides nothing.
        plain = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}
        return json.dumps(plain, sort_keys=True)

    def is_same(one: object, other: object) -> bool:
        numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (one, other))
        return math.isclose(one, other, rel_tol=1e-9) if numbers else one == other

    def whole(value: object) -> object:
        # A count comes as a whole number or as a float, as pandas sees fit.
        return int(value) if isinstance(value, float) and value.is_integer() else value

    ours, theirs = ([{name: whole(value) for name, value in row.items()} for row in rows] for rows in (ours, theirs))
    if not ordered:
        ours, theirs = sorted(ours, key=key), sorted(theirs, key=key)
    right = len(ours) == len(theirs) and all(
        set(one) == set(other) and all(is_same(one[name], other[name]) for name in one)
        for one, other in zip(ours, theirs)
    )
    assert right, f"{told}\nSuperset has {len(theirs)} rows: {theirs[:5]}\nmillrace query {len(ours)}: {ours[:5]}"
