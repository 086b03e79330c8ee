"""As much of Snowflake Scripting as the scripts use: variables, SELECT INTO, assignments, IF, EXECUTE IMMEDIATE, CALL, RETURN.

What a block does goes through the server again, statement by statement, so that it is refused and checked as any other. Anything
else in a block fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from refusals import compilation, missing
from rowset import texts
from statement import Statement, without_comments

QUOTED = r"'(?:[^']|'')*'"
NOTIFY = r"SYSTEM\$SEND_SNOWFLAKE_NOTIFICATION"


@dataclass
class Value:
    text: str | None
    number: bool = False

    def sql(self) -> str:
        if self.text is None:
            return "NULL"
        # A backslash begins an escape in a text of Snowflake's.
        return self.text if self.number else "'" + self.text.replace("\\", r"\\").replace("'", "''") + "'"


class Scripting:
    def __init__(self, run: Callable, integrations: Callable[[], dict[str, str]]) -> None:
        self.run_statement = run
        self.integrations = integrations
        self.procedures: dict[str, str] = {}
        self.sent: list[dict] = []

    def run(self, session: object, statement: Statement) -> tuple[list, list] | None:
        if block := statement.match(r"EXECUTE IMMEDIATE \$\$(.*)\$\$$"):
            return self.block(session, block[1])
        made = r"CREATE OR REPLACE PROCEDURE ([\w.]+)\(\) RETURNS \w+ LANGUAGE SQL EXECUTE AS OWNER AS \$\$(.*)\$\$$"
        if procedure := statement.match(made):
            self.procedures[procedure[1].upper()] = procedure[2]
            return texts(["status"], [[f"Function {procedure[1].upper()} successfully created."]])
        if call := statement.match(r"CALL ([\w.]+)\(\)$"):
            if call[1].upper() not in self.procedures:
                raise missing("Unknown user-defined function", call[1].upper())
            return self.block(session, self.procedures[call[1].upper()])
        if call := statement.match(rf"CALL {NOTIFY}\(({QUOTED}), ({QUOTED})\)$"):
            return self.send(*(json.loads(plain(one)) for one in call.groups()))
        return None

    def send(self, message: dict, to: dict) -> tuple[list, list]:
        [(kind, told)], [name] = message.items(), to
        if name.upper() not in self.integrations():
            raise missing("Integration", name.upper())
        if kind != "application/json":
            raise compilation("a queue takes application/json alone")
        self.sent.append({"integration": name.upper(), "topic": self.integrations()[name.upper()], "message": json.loads(told)})
        return texts(["result"], [["Enqueued notifications."]])

    def block(self, session: object, text: str) -> tuple[list, list]:
        shape = re.fullmatch(r"\s*(?:DECLARE\s(.*?))?BEGIN\s(.*)END\s*;?\s*", without_comments(text), re.DOTALL)
        if not shape:
            raise compilation("a block of another shape than DECLARE … BEGIN … END")
        values: dict[str, Value] = {}
        for declared in filter(None, map(str.strip, split(shape[1] or ""))):
            name, _, default = re.fullmatch(r"(\w+)\s+(\w+)\s+DEFAULT\s+(.*)", declared).groups()
            values[name.lower()] = self.evaluated(session, default, values)
        doing = [True]
        for statement in map(str.strip, split(shape[2])):
            while condition := re.match(r"IF\s*\((.*?)\)\s*THEN\s+", statement, re.DOTALL):
                doing.append(doing[-1] and self.evaluated(session, condition[1], values).text == "1")
                statement = statement[condition.end() :]
            if statement == "END IF":
                doing.pop()
            elif returned := re.fullmatch(r"RETURN\s+(.*)", statement, re.DOTALL):
                if doing[-1]:
                    return texts(["result"], [[self.evaluated(session, returned[1], values).text]])
            elif statement and doing[-1]:
                self.step(session, statement, values)
        return texts(["result"], [[None]])

    def step(self, session: object, statement: str, values: dict[str, Value]) -> None:
        if assigned := re.fullmatch(r"(\w+)\s*:=\s*(.*)", statement, re.DOTALL):
            values[assigned[1].lower()] = self.evaluated(session, assigned[2], values)
        elif made := re.fullmatch(r"EXECUTE IMMEDIATE\s+:(\w+)", statement):
            self.run_statement(session, Statement(values[made[1].lower()].text))
        elif into := re.search(r"\sINTO\s+(:\w+(?:\s*,\s*:\w+)*)\s", statement):
            if not re.match(r"SELECT\s", statement):
                raise compilation("INTO without SELECT")
            asked = statement[: into.start()] + " " + statement[into.end() :]
            columns, rows = self.run_statement(session, Statement(with_values(asked, values, bound=True)))
            [row] = rows
            for name, column, text in zip(re.findall(r":(\w+)", into[1]), columns, row, strict=True):
                values[name.lower()] = Value(text, column["type"] in ("fixed", "real"))
        else:
            self.run_statement(session, Statement(with_values(statement, values, bound=True)))

    def evaluated(self, session: object, expression: str, values: dict[str, Value]) -> Value:
        columns, [[text]] = self.run_statement(session, Statement(f"SELECT {with_values(expression, values, bound=False)} AS v"))
        return Value(text, columns[0]["type"] in ("fixed", "real"))


def plain(literal: str) -> str:
    return literal[1:-1].replace("''", "'").replace(r"\\", "\\")


def split(text: str) -> list[str]:
    """What stands between the semicolons that are in no text."""
    return re.findall(rf"((?:{QUOTED}|[^;'])+)(?:;|$)", text)


def with_values(text: str, values: dict[str, Value], bound: bool) -> str:
    """Variables' values in their places: `:name` in a statement, `name` in an expression of the block's own."""
    name = r"(?<![:\w]):(\w+)" if bound else r"(?<![\w.:])([A-Za-z_]\w*)(?!\s*\()"

    def value(match: re.Match) -> str:
        known = values.get((match[1] or "").lower())
        return known.sql() if known else match[0]

    return re.sub(rf"{QUOTED}|{name}", value, text)
