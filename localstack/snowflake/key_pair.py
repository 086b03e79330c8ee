"""The login's token, checked as Snowflake checks it: signature, issuer, subject, fingerprint, time."""

from __future__ import annotations

import base64
import hashlib

import jwt
from cryptography.hazmat.primitives import serialization

# Snowflake takes no token that lives longer.
LONGEST_SECONDS = 3600


class Refused(Exception):
    pass


class KeyPair:
    def __init__(self, account: str, user: str, public_pem: bytes) -> None:
        self.public = serialization.load_pem_public_key(public_pem)
        der = self.public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        fingerprint = base64.b64encode(hashlib.sha256(der).digest()).decode()
        self.subject = f"{account.split('.')[0].upper()}.{user.upper()}"
        self.issuer = f"{self.subject}.SHA256:{fingerprint}"

    def check(self, data: dict) -> None:
        if data.get("AUTHENTICATOR") != "SNOWFLAKE_JWT":
            raise Refused("this server knows the login by key pair alone")
        named = f"{data.get('ACCOUNT_NAME', '').split('.')[0]}.{data.get('LOGIN_NAME', '')}".upper()
        if named != self.subject:
            raise Refused("another account or user")
        try:
            required = {"require": ["iss", "sub", "iat", "exp"]}
            claims = jwt.decode(data["TOKEN"], self.public, algorithms=["RS256"], options=required)
        except jwt.PyJWTError as error:
            raise Refused(str(error)) from None
        if claims["iss"] != self.issuer:
            raise Refused("another issuer or fingerprint")
        if claims["sub"] != self.subject:
            raise Refused("another subject")
        if claims["exp"] - claims["iat"] > LONGEST_SECONDS:
            raise Refused("it lives too long")
