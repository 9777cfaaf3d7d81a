#!/usr/bin/env python3
"""A Waybill handler without any SDK: Python's standard library and nothing else.

    WAYBILL_SIGNING_SECRET=whsec_... python3 examples/python/handler.py [port, default 3000]

A step is a signed POST (https://www.standardwebhooks.com). Its answer decides what comes next:
200 completes the step, 5xx and 429 are tried again, other 4xx fail it for good.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 300


def is_genuine(secret: str, headers, body: bytes) -> bool:
    """HMAC-SHA256 over "id.timestamp.body"; during a rotation the header holds several signatures."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    candidates = headers.get("webhook-signature", "").encode().split()
    return any(hmac.compare_digest(expected, candidate) for candidate in candidates)


def reserve(message: dict) -> dict:
    return {"reservationId": "res_" + message["context"]["orderId"]}


def charge(message: dict) -> dict:
    reserved = message["previousSteps"]["reserve"]["result"]["reservationId"]
    return {"paymentId": "pay_" + message["context"]["orderId"], "for": reserved}


def release(message: dict) -> dict:
    """A compensation: `result` is what the step gave, `error` says why the run failed."""
    return {"released": message["result"]["reservationId"]}


def split(message: dict) -> dict:
    """Adds a step for each parcel: they depend on this one. The same ones again change nothing."""
    parcels = message["context"]["parcels"]
    steps = [{"id": f"send-{n}", "url": "/jobs/send", "payload": parcel} for n, parcel in enumerate(parcels)]
    return {"success": True, "result": {"parcels": len(parcels)}, "addSteps": steps}


def send(message: dict) -> dict:
    return {"trackingNumber": "track_" + message["payload"]["sku"]}


# What a job gives is the answer: its own JSON is the result, an object of "success", "result", "addSteps" and the
# like says more.
JOBS = {
    "/jobs/reserve": reserve,
    "/jobs/charge": charge,
    "/jobs/release": release,
    "/jobs/split": split,
    "/jobs/send": send,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps the connection open between steps

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if not is_genuine(SECRET, self.headers, body):
            return self.answer(401, {"error": "no valid and fresh signature"})
        job = JOBS.get(self.path)
        if job is None:
            return self.answer(404, {"error": "no such job"})
        try:
            self.answer(200, job(json.loads(body)))
        except Exception as fault:
            self.answer(500, {"success": False, "error": {"message": str(fault)}})

    def answer(self, status: int, body: dict) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


if __name__ == "__main__":
    SECRET = os.environ["WAYBILL_SIGNING_SECRET"]
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"handlers ready on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
