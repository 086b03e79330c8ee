"""Superset's REST API, asked as its own pages ask it."""

import json
import urllib.error
import urllib.request

PATIENCE = 120


class Superset:
    """A Superset that somebody is logged in to."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self.headers = {"Content-Type": "application/json", "Referer": url}
        login = {"username": user, "password": password, "provider": "db", "refresh": True}
        token = self.post("/api/v1/security/login", login)["access_token"]
        self.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        """The answer's status and JSON, whatever the status."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, self.headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                return error.code, json.loads(text)
            except ValueError:
                return error.code, {"text": text}

    def get(self, path: str) -> dict:
        return self.good("GET", path)

    def post(self, path: str, body: object) -> dict:
        return self.good("POST", path, body)

    def good(self, method: str, path: str, body: object = None) -> dict:
        status, answer = self.ask(method, path, body)
        assert status in (200, 201), f"{method} {path} {json.dumps(body)}\nanswered {status}: {json.dumps(answer)}"
        return answer

    def refused(self, method: str, path: str, body: object) -> dict:
        """The first error of what is refused."""
        status, answer = self.ask(method, path, body)
        assert status >= 400, f"{method} {path} {json.dumps(body)}\nwas not refused: {json.dumps(answer)}"
        errors = answer.get("errors")
        assert errors, f"{method} {path}\nanswered {status} without errors: {json.dumps(answer)}"
        return errors[0]
