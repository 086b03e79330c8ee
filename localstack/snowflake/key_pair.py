"""The login's token, checked as Snowflake checks it: signature, issuer, subject, fingerprint, time."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

# Snowflake takes no token that lives longer.
LONGEST_SECONDS = 3600


# Opens the encrypted one of the keys that are made here: they guard nothing.
PASSPHRASE = "millrace"


class Refused(Exception):
    pass


def made_in(folder: Path) -> bytes:
    """Writes private keys into `folder`: the deployer's, the same encrypted, and a stranger's. Answers the first's public half."""
    folder.mkdir(parents=True, exist_ok=True)
    deployers, strangers = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    open_to_all = serialization.NoEncryption()
    encrypted = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    for name, key, encryption in [
        ("deployer.p8", deployers, open_to_all),
        ("deployer_encrypted.p8", deployers, encrypted),
        ("stranger.p8", strangers, open_to_all),
    ]:
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        path = folder / name
        path.touch(mode=0o600)
        path.write_bytes(pem)
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return deployers.public_key().public_bytes(serialization.Encoding.PEM, spki)


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
