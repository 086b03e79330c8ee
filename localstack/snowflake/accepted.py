"""Statements that only an account could carry out: answered, counted by kind, and not verified.

What can be looked at without an account is: a task may only call a procedure that was made, and tell by an integration that was; a
resource monitor is an administrator's.
"""

from __future__ import annotations

from refusals import insufficient, missing
from rowset import done
from statement import Statement

KINDS = {
    "resource monitor": r"(CREATE|ALTER) RESOURCE MONITOR ",
    "warehouse": r"(CREATE|ALTER) WAREHOUSE ",
    "user": r"(CREATE|ALTER) USER ",
    "task": r"(CREATE|ALTER)( OR REPLACE)? TASK ",
}
NAME = r"(?:IF NOT EXISTS )?([\w.]+)"


class Accepted:
    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.made: dict[str, set[str]] = {kind: set() for kind in KINDS}

    def count(self, kind: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def run(self, role: str | None, statement: Statement, procedures: dict, integrations: dict) -> tuple[list, list] | None:
        if statement.match(r"ALTER SESSION SET TIMEZONE"):
            if not statement.match(r"ALTER SESSION SET TIMEZONE\s*=\s*'UTC'$"):
                raise ValueError("this server's days are UTC's")
            return done("Statement executed successfully.")
        for kind, pattern in KINDS.items():
            if statement.match(pattern):
                self.look_at(kind, role, statement, procedures, integrations)
                self.count(kind)
                return done("Accepted and not verified.")
        return None

    def without_rights(self, statement: Statement) -> Statement:
        """Who may grant in a schema is nobody's business here; the schema is made."""
        made = statement.match(r"(CREATE SCHEMA .*?) WITH MANAGED ACCESS$")
        if not made:
            return statement
        self.count("managed access")
        return Statement(made[1])

    def look_at(self, kind: str, role: str | None, statement: Statement, procedures: dict, integrations: dict) -> None:
        of_monitors = kind == "resource monitor" or statement.match(r"ALTER WAREHOUSE \w+ SET RESOURCE_MONITOR")
        if of_monitors and role != "ACCOUNTADMIN":
            raise insufficient("account")
        named = statement.match(rf"(?:CREATE|ALTER)(?: OR REPLACE)? {kind.upper()} {NAME}")
        name = named[1].upper()
        if statement.match("CREATE "):
            self.made[kind].add(name)
        elif name not in self.made[kind]:
            raise missing(kind.capitalize(), name)
        if monitor := statement.match(r"ALTER WAREHOUSE \w+ SET RESOURCE_MONITOR = (\w+)"):
            if monitor[1].upper() not in self.made["resource monitor"]:
                raise missing("Resource monitor", monitor[1].upper())
        if kind == "task" and statement.match("CREATE "):
            called = statement.find(r"\sAS\s+CALL\s+([\w.]+)\(\)$")
            if not called or called[1].upper() not in procedures:
                raise ValueError("a task that calls no procedure of the scripts")
            tells = statement.find(r"ERROR_INTEGRATION = (\w+)")
            if not tells or tells[1].upper() not in integrations:
                raise missing("Integration", tells[1].upper() if tells else "of the task's errors")
