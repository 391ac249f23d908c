"""Verifies DKIM signatures of mails by dkimpy, for the tests.

Takes a line of JSON for each mail: `name` and `record`, the TXT record that DNS would have, and `message` in base64. Answers
"pass" or "fail".
"""

import base64
import json
import sys

import dkim

for line in sys.stdin:
    case = json.loads(line)

    def txt(name, timeout=5):
        return case["record"].encode() if name.decode().rstrip(".") == case["name"] else None

    print("pass" if dkim.verify(base64.b64decode(case["message"]), dnsfunc=txt) else "fail", flush=True)
