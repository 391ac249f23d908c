"""apply.py ORIGIN PHONE [CODE COMPANY EMAIL]: has a code sent, or applies."""

import json
import sys
import urllib.error
import urllib.request

BASE = "/apiaccess/rest/ipccprovision/v1/applyTry/"


def call(origin, path, fields):
    """The return code, and the seconds after which to come again, if that is known."""
    request = urllib.request.Request(
        origin + BASE + path, json.dumps(fields).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["returnCode"], answer.headers.get("Retry-After")


def send_code(origin, phone):
    return call(origin, "generateverifycode", {"phone": phone})


def apply(origin, phone, code, company, email):
    fields = {"phone": phone, "phoneVerifyCode": code, "companyName": company, "email": email}
    return call(origin, "applyTenant", fields)


if __name__ == "__main__":
    try:
        origin, phone, *rest = sys.argv[1:]
        code, again = apply(origin, phone, *rest) if rest else send_code(origin, phone)
        print(code, again or "")
    except urllib.error.HTTPError as refused:
        # A problem of RFC 9457: `errors` names each field and what to give.
        sys.exit(f"{refused.code} {refused.read().decode()}")
