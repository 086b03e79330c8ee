"""What external tables stand on: integrations, stages and file formats.

Since bundle 2025_05 (https://docs.snowflake.com/release-notes/bcr-bundles/2025_05/bcr-1989) a stage or file format with dependent
external tables can be neither dropped nor replaced, nor a stage's location altered; a location has to lie in what its integration
allows. No trust and no bucket is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from refusals import compilation, exists, missing, refused
from rowset import done, texts
from statement import Statement

NAME = r"(?P<name>[\w.]+)"
MADE = r"CREATE (?P<replace>OR REPLACE )?{kind} (?P<unless>IF NOT EXISTS )?" + NAME
ALTERED = r"ALTER {kind} (IF EXISTS )?" + NAME
DROPPED = r"DROP {kind} (?P<unless>IF EXISTS )?" + NAME


@dataclass
class Stage:
    url: str
    integration: str


class Locations:
    def __init__(self, dependants: Callable[[str], list[str]]) -> None:
        self.dependants = dependants
        self.storage: dict[str, list[str]] = {}
        self.notification: dict[str, str] = {}
        self.stages: dict[str, Stage] = {}
        self.file_formats: set[str] = set()

    def run(self, statement: Statement) -> tuple[str, tuple[list, list]] | None:
        """The kind of what was done, and the answer."""
        if described := statement.match(r"DESC(RIBE)?( STORAGE| NOTIFICATION)? INTEGRATION (\w+)$"):
            return "description", self.describe(described[3].upper())
        for kind, known, keep in [
            ("STORAGE INTEGRATION", self.storage, self.keep_storage),
            ("NOTIFICATION INTEGRATION", self.notification, self.keep_notification),
            ("STAGE", self.stages, self.keep_stage),
            ("FILE FORMAT", self.file_formats, self.keep_file_format),
        ]:
            if made := statement.match(MADE.format(kind=kind)):
                name = made["name"].upper()
                if name in known and made["unless"]:
                    return kind.lower(), done(f"{name} already exists, statement succeeded.")
                if name in known and not made["replace"]:
                    raise exists(name)
                if name in known:
                    self.stands_alone(kind, name, "recreated")
                keep(name, statement, None)
            elif altered := statement.match(ALTERED.format(kind=kind)):
                name = altered["name"].upper()
                if name not in known:
                    raise missing(kind.title(), name)
                if kind == "STAGE" and statement.find(r"\bURL = "):
                    self.stands_alone(kind, name, "moved to another location")
                keep(name, statement, known[name] if isinstance(known, dict) else name)
            elif dropped := statement.match(DROPPED.format(kind=kind)):
                name = dropped["name"].upper()
                if name not in known and not dropped["unless"]:
                    raise missing(kind.title(), name)
                if name in known:
                    self.stands_alone(kind, name, "dropped")
                    known.pop(name) if isinstance(known, dict) else known.remove(name)
            else:
                continue
            return kind.lower(), done("Accepted.")
        return None

    def stands_alone(self, kind: str, name: str, what: str) -> None:
        if tables := self.dependants(name):
            kind = kind.capitalize()
            raise compilation(
                f"{kind} '{name}' has dependent external tables and can't be {what}: first drop {', '.join(tables)}."
            )

    def keep_storage(self, name: str, statement: Statement, _: object) -> None:
        allowed = statement.find(r"STORAGE_ALLOWED_LOCATIONS = \( ([^)]*)\)")
        self.storage[name] = re.findall(r"'([^']+)'", allowed[1]) if allowed else self.storage.get(name, [])

    def keep_notification(self, name: str, statement: Statement, _: object) -> None:
        topic, role = statement.find(r"AWS_SNS_TOPIC_ARN = '([^']+)'"), statement.find(r"AWS_SNS_ROLE_ARN = '([^']+)'")
        if not topic or not role:
            raise compilation("missing option(s): [AWS_SNS_TOPIC_ARN, AWS_SNS_ROLE_ARN]")
        self.notification[name] = topic[1]

    def keep_stage(self, name: str, statement: Statement, before: Stage | None) -> None:
        url, by = statement.find(r"\bURL = '(s3://[^']+/)'"), statement.find(r"STORAGE_INTEGRATION = (\w+)")
        stage = Stage(url[1] if url else before.url, by[1].upper() if by else before.integration)
        if stage.integration not in self.storage:
            raise missing("Integration", stage.integration)
        if not any(stage.url.startswith(place) for place in self.storage[stage.integration]):
            raise refused(f"Location '{stage.url}' is not allowed by integration '{stage.integration}'.", 3184)
        self.stages[name] = stage

    def keep_file_format(self, name: str, statement: Statement, before: str | None) -> None:
        logical = statement.find(r"USE_LOGICAL_TYPE = TRUE\b")
        if not logical or not (before or statement.find(r"TYPE = PARQUET\b")):
            raise ValueError("timestamps of this file format would be numbers")
        self.file_formats.add(name)

    def rows_of_stages(self, database: str) -> str:
        """INFORMATION_SCHEMA.STAGES of `database` as a query."""
        none = "SELECT '' AS stage_catalog, '' AS stage_schema, '' AS stage_name, '' AS stage_url WHERE FALSE"
        rows = [
            "SELECT " + ", ".join(f"'{part}'" for part in [*name.split("."), stage.url])
            for name, stage in self.stages.items()
            if name.startswith(f"{database.upper()}.")
        ]
        return f"({' UNION ALL '.join([none, *rows])})"

    def describe(self, name: str) -> tuple[list, list]:
        """What a role's trust is written from; the values are nobody's."""
        if name in self.storage:
            user, external = "STORAGE_AWS_IAM_USER_ARN", "STORAGE_AWS_EXTERNAL_ID"
        elif name in self.notification:
            user, external = "SF_AWS_IAM_USER_ARN", "SF_AWS_EXTERNAL_ID"
        else:
            raise missing("Integration", name)
        told = {user: "arn:aws:iam::123456789012:user/snowflake", external: "MILLRACE_SFCRole=1_local"}
        names = ["property", "property_type", "property_value", "property_default"]
        return texts(names, [[key, "String", value, ""] for key, value in told.items()])
