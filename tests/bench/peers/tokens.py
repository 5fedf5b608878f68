"""Keys, a certificate and signed tokens, kept below target/ from one run to the next."""

import base64
import datetime
import json
import multiprocessing
import secrets
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from table import PROJECT

ISSUER = "https://iam.bench.example"
AUDIENCE = "ecs"
ALLOWED = "ecs:servers:listMetadata ecs:servers:getMetadata ecs:servers:setMetadata ecs:servers:get"
LACKING = "ecs:servers:getFlavor"
ALGORITHMS = ("RS256", "ES256")
_LIFE = 30 * 86400
_SHORTEST_LIFE = 86400
_BATCH = 500


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int, size: int) -> str:
    return _text(value.to_bytes(size, "big"))


def _pem(key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _make(algorithm: str):
    return rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())


def sign(key, algorithm: str, **others: object) -> str:
    """A token of about 800 bytes (RS256), unlike any other by its `jti`; `others` are claims in the place of the usual ones."""
    now = int(time.time())
    header = {"alg": algorithm, "typ": "JWT", "kid": algorithm}
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": now + _LIFE, "nbf": now - 60, "iat": now - 60,
        "jti": secrets.token_hex(16), "project_id": PROJECT, "scope": ALLOWED, **others,
    }
    text = ".".join(_text(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    if algorithm == "RS256":
        signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return f"{text}.{_text(signature)}"


def _batch(work: tuple[bytes, str]) -> str:
    pem, algorithm = work
    key = serialization.load_pem_private_key(pem, None)
    return "".join(f"{sign(key, algorithm)}\n" for _ in range(_BATCH))


def _fresh_enough(token: str) -> bool:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["exp"] > time.time() + _SHORTEST_LIFE


class Keys:
    """The issuer's two keys and a certificate for 127.0.0.1, as files in one folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.private = {algorithm: self._key(algorithm) for algorithm in ALGORITHMS}
        self.certificate, self.certificate_key = folder / "tls.pem", folder / "tls.key"
        # HAProxy wants both in one file.
        self.certificate_and_key = folder / "tls-both.pem"
        self.jwks = folder / "jwks.json"
        self.jwks.write_text(json.dumps(self._jwks()))
        self._certify()

    def _key(self, algorithm: str):
        file = self.folder / f"{algorithm}.key"
        if not file.exists():
            file.write_bytes(_pem(_make(algorithm)))
        key = serialization.load_pem_private_key(file.read_bytes(), None)
        self.public(algorithm).write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        return key

    def public(self, algorithm: str) -> Path:
        return self.folder / f"{algorithm}.pem"

    def _jwks(self) -> dict:
        modulus = self.private["RS256"].public_key().public_numbers()
        point = self.private["ES256"].public_key().public_numbers()
        common = {"use": "sig"}
        return {"keys": [
            {"kty": "RSA", "kid": "RS256", "alg": "RS256", "n": _number(modulus.n, 256), "e": "AQAB", **common},
            {"kty": "EC", "kid": "ES256", "alg": "ES256", "crv": "P-256",
             "x": _number(point.x, 32), "y": _number(point.y, 32), **common},
        ]}

    def _certify(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        ).public_bytes(serialization.Encoding.PEM)
        self.certificate.write_bytes(certificate)
        self.certificate_key.write_bytes(_pem(key))
        self.certificate_and_key.write_bytes(certificate + _pem(key))

    def allowed(self, algorithm: str) -> str:
        return self.signed(algorithm)

    def lacking(self, algorithm: str) -> str:
        return self.signed(algorithm, scope=LACKING)

    def signed(self, algorithm: str, **others: object) -> str:
        """By the issuer, with these claims instead of the usual ones."""
        return sign(self.private[algorithm], algorithm, **others)

    def forged(self, algorithm: str) -> str:
        """Signed by a key of the same kind that is not the issuer's."""
        return sign(_make(algorithm), algorithm)

    def many(self, algorithm: str, count: int) -> Path:
        """A file of at least `count` distinct tokens, one a line, all of one length; signed on all cores."""
        file = self.folder / f"{algorithm}.tokens"
        if file.exists():
            with file.open() as lines:
                first = lines.readline()
            if first and _fresh_enough(first.strip()) and file.stat().st_size >= count * len(first):
                return file
        print(f"signing {count} tokens with {algorithm} …", flush=True)
        work = [(_pem(self.private[algorithm]), algorithm)] * -(-count // _BATCH)
        unfinished = file.with_suffix(".unfinished")
        with multiprocessing.Pool() as pool, unfinished.open("w") as out:
            for text in pool.imap_unordered(_batch, work):
                out.write(text)
        unfinished.rename(file)
        return file
