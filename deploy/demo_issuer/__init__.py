"""The demonstration issuer: a separate program that signs a token for anybody as anybody.

It serves the embedded profile, tests and the `demo` overlay. Everything it says about itself carries the marker
`suizhuan-demo-issuer` (its issuer string and its keys' ids), and every service's TokenVerifier passes over an issuer
or a key with that marker unless `trust_demo_issuer` is set, which no other profile does.
"""

from deploy.demo_issuer.app import ISSUER, create_issuer_app
from deploy.demo_issuer.keys import jwks_file

__all__ = ["ISSUER", "create_issuer_app", "jwks_file"]
