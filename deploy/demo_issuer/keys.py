"""The issuer's ES256 key: made once, kept in its data folder for its owner's eyes only."""

from __future__ import annotations

import json
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from suizhuan import keyfile
from suizhuan.issuer_keys import DEMO_MARKER


def load_key(data: Path) -> ECKey:
    """The key of `data`, made (0600) when there is none; the public half lies beside it. Errors: ValueError when
    the file is no key, or others than its owner may read it."""
    path = data / "key.json"
    found = keyfile.kept(path, _made)
    if path.stat().st_mode & 0o077:
        raise ValueError(f"{path.name} can be read by others than its owner")
    try:
        key = ECKey.import_key(json.loads(found))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path.name} is not a key") from error
    # By rename, because services may be reading it.
    keyfile.draft(jwks_file(data), json.dumps(public(key)).encode()).replace(jwks_file(data))
    jwks_file(data).chmod(0o644)
    return key


def jwks_file(data: Path) -> Path:
    """Where the public keys lie, for services on the same machine (`IssuerSettings.jwks_file`)."""
    return data / "jwks.json"


def public(key: ECKey) -> dict[str, list[dict[str, object]]]:
    """The JWKS document."""
    return {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}


def _made() -> bytes:
    made = ECKey.generate_key("P-256")
    return json.dumps({**made.as_dict(private=True), "kid": f"{DEMO_MARKER}-{made.thumbprint()[:16]}"}).encode()
