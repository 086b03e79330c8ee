"""What Snowflake refuses, with its number. The words are its own where they are known; of bundle 2025_05 only the release note is."""

from __future__ import annotations

from snowflake.connector.errors import ProgrammingError


def refused(message: str, number: int = 1003, state: str = "42000") -> ProgrammingError:
    return ProgrammingError(msg=message, errno=number, sqlstate=state)


def compilation(message: str, number: int = 1003) -> ProgrammingError:
    return refused(f"SQL compilation error:\n{message}", number)


def missing(kind: str, name: str) -> ProgrammingError:
    return refused(f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized.", 2003, "42S02")


def exists(name: str) -> ProgrammingError:
    return refused(f"SQL compilation error:\nObject '{name}' already exists.", 2002, "42710")


def insufficient(what: str) -> ProgrammingError:
    return refused(f"SQL access control error:\nInsufficient privileges to operate on {what}.", 3001, "42501")
