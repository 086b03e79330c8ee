"""Roles, what is granted to them, and whether a session's may read what it asks for.

An object that is dropped, or replaced without COPY GRANTS, has lost its grants. The owner and an administrator may do all; every other
role may read what it was granted, and change nothing. Grants on ALL or FUTURE objects are not known here: the scripts have none.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp

from refusals import insufficient, missing, refused
from rowset import done
from statement import Statement

ADMINISTRATORS = {"ACCOUNTADMIN", "SYSADMIN", "SECURITYADMIN", "USERADMIN"}
# Where an object has to be for a grant on it: these kinds are looked up, of the others the grant alone is kept.
READ = {"TABLE", "VIEW", "EXTERNAL TABLE"}


class Grants:
    def __init__(self, is_there: Callable[[object, str, str], bool]) -> None:
        self.is_there = is_there
        self.roles = set(ADMINISTRATORS)
        self.may_too: dict[str, set[str]] = {}
        self.granted: set[tuple[str, str, str]] = set()  # privilege, object, role
        self.owned: dict[str, str] = {}

    def run(self, connection: object, statement: Statement) -> tuple[list, list] | None:
        if made := statement.match(r"CREATE ROLE (?P<unless>IF NOT EXISTS )?(\w+)$"):
            if made[2].upper() in self.roles and not made["unless"]:
                raise refused(f"SQL compilation error:\nObject '{made[2].upper()}' already exists.", 2002)
            self.roles.add(made[2].upper())
        elif given := statement.match(r"GRANT ROLE (\w+) TO (ROLE|USER) (\w+)$"):
            role, to = self.role(given[1]), given[3].upper()
            if given[2].upper() == "ROLE":
                self.may_too.setdefault(self.role(to), set()).add(role)
        elif owner := statement.match(r"GRANT OWNERSHIP ON (\w+) ([\w.]+) TO ROLE (\w+)( (COPY|REVOKE) CURRENT GRANTS)?$"):
            self.hand_over(owner[1].upper(), owner[2].upper(), self.role(owner[3]), (owner[5] or "").upper())
        elif given := statement.match(r"GRANT ([\w ]+?) ON ACCOUNT TO ROLE (\w+)$"):
            self.granted.add((given[1].upper(), "ACCOUNT", self.role(given[2])))
        elif given := statement.match(r"GRANT (\w+) ON ((?!ALL |FUTURE )[A-Z]+(?: TABLE| FORMAT)?) ([\w.]+)(?:\(\))? TO ROLE (\w+)$"):
            kind, name, role = given[2].upper(), given[3].upper(), self.role(given[4])
            if not self.is_there(connection, " ".join(kind.split()), name):
                raise missing(kind.title(), name)
            self.granted.add((given[1].upper(), name, role))
        elif taken := statement.match(r"REVOKE (\w+) ON [A-Z\s]+? ([\w.]+) FROM ROLE (\w+)$"):
            self.granted.discard((taken[1].upper(), taken[2].upper(), self.role(taken[3])))
        else:
            return None
        return done("Statement executed successfully.")

    def role(self, name: str) -> str:
        if name.upper() not in self.roles:
            raise missing("Role", name.upper())
        return name.upper()

    def hand_over(self, kind: str, name: str, role: str, current: str) -> None:
        others = [(privilege, to) for privilege, what, to in self.granted if what == name]
        if others and not current:
            privilege, to = others[0]
            raise refused(
                f"SQL execution error: Dependent grant of privilege '{privilege}' on securable '{name}' to role '{to}' exists. "
                "It must be revoked first. More than one dependent grant may exist: use 'SHOW GRANTS' command to view them. "
                "To revoke all dependent grants while transferring object ownership, use convenience command "
                "'GRANT OWNERSHIP ON <target_objects> TO <target_role> REVOKE CURRENT GRANTS'.",
                3100,
            )
        if current == "REVOKE":
            self.forget(name)
        self.owned[name] = role

    def forget(self, name: str) -> None:
        self.granted = {one for one in self.granted if one[1] != name}

    def owns_all(self, role: str | None) -> bool:
        """The deployment's own role, an administrator, and a role that nobody made here."""
        return role is None or role in ADMINISTRATORS or role.endswith("_OWNER") or role not in self.roles

    def of(self, role: str) -> set[str]:
        """`role` and those whose rights it has too."""
        found, open_ = set(), [role]
        while open_:
            one = open_.pop()
            if one not in found:
                found.add(one)
                open_.extend(self.may_too.get(one, ()))
        return found

    def check(self, role: str | None, statement: Statement) -> None:
        """Raises where `role` may not run `statement`; views are read by their owner's rights, so only what it names counts."""
        if self.owns_all(role) or statement.match(r"ALTER SESSION "):
            return
        if not statement.match(r"(SELECT|WITH|EXPLAIN|\() ?"):
            raise insufficient("what it does not own")
        text = statement.text.removeprefix("EXPLAIN USING TABULAR ")
        asked = sqlglot.parse_one(text, read="snowflake")
        own = {one.alias_or_name.upper() for one in asked.find_all(exp.CTE)}
        for table in asked.find_all(exp.Table):
            parts = [part.name.upper() for part in table.parts]
            name = ".".join(parts)
            if len(parts) == 1 and name in own:
                continue
            wanted = [("SELECT", name), ("USAGE", ".".join(parts[:2])), ("USAGE", parts[0])]
            roles = self.of(role)
            if len(parts) != 3 or not all(any((*one, of) in self.granted for of in roles) for one in wanted):
                raise missing("Object", name)
