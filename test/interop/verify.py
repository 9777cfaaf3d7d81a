"""Verifies a Standard Webhooks request with the standard library alone: what a handler in Python does.

Reads {"secret", "headers", "body"} as JSON from stdin. Exit code 0: genuine.
"""

import base64
import hashlib
import hmac
import json
import sys
import time

TOLERANCE_SECONDS = 300


def is_genuine(secret: str, headers: dict, body: bytes) -> bool:
    timestamp = headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    candidates = (part.split(",", 1) for part in headers["webhook-signature"].split(" "))
    return any(version == "v1" and hmac.compare_digest(value, expected) for version, value in candidates)


request = json.load(sys.stdin)
sys.exit(0 if is_genuine(request["secret"], request["headers"], request["body"].encode()) else 1)
