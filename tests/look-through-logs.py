#!/usr/bin/env python3
"""Looks for phones, addresses, codes and passwords in everything that processes of a test run logged.

    look-through-logs.py DIRECTORY [--may-be-empty]

The directory is what TRIALGATE_TEST_LOGS named: *.log is what processes wrote to standard error, *.secrets what the tests used,
one a line, by kind. Fails if a log says one of them, or if there was nothing to look at.
"""

import pathlib
import re
import sys

# Digits that stand alone: not within an id, a time, an address or a longer number.
DIGITS = re.compile(r"(?<![0-9A-Za-z.:_-])\+?[0-9](?:[ -]?[0-9]){5,14}(?![0-9A-Za-z_-]|\.[0-9])")
ADDRESS = re.compile(r"[^\s<>\"',;:()\\]+@[^\s<>\"',;:()\\]+")
PASSWORD = re.compile(r"[0-9A-Za-z]{4}(?:-?[0-9A-Za-z]{4}){3}")


def secrets_of(directory):
    known = {"phone": set(), "email": set(), "code": set(), "password": set()}
    for path in directory.glob("*.secrets"):
        for line in path.read_text().splitlines():
            kind, text = line.split(" ", 1)
            known[kind].add(text)
    return {
        # Told by their last digits, whatever stands before them.
        "phone": {re.sub(r"\D", "", phone)[-11:] for phone in known["phone"]},
        "email": {address.lower() for address in known["email"]},
        "code": known["code"],
        "password": {password.replace("-", "").upper() for password in known["password"]},
    }


def found_in(line, secrets):
    for digits in DIGITS.findall(line):
        bare = re.sub(r"\D", "", digits)
        if bare[-11:] in secrets["phone"]:
            yield "a phone"
        if digits in secrets["code"]:
            yield "a code"
    for address in ADDRESS.findall(line):
        if address.lower().rstrip(".") in secrets["email"]:
            yield "an e-mail address"
    for password in PASSWORD.findall(line):
        if password.replace("-", "").upper() in secrets["password"]:
            yield "a password"


def finds_what_is_planted():
    """The look itself is looked at first: it finds each kind, in several spellings, and nothing in what is none."""
    secrets = {
        "phone": {"16647382910"},
        "email": {"ann@example.com"},
        "code": {"424242"},
        "password": {"A4DHMNSQWE5QD5A6"},
    }
    says = [
        ("phone=16647382910", {"a phone"}),
        ('{"to":"+8616647382910"}', {"a phone"}),
        ("sent to +86 166 4738 2910", {"a phone"}),
        ("code 424242 was sent", {"a code"}),
        ("<Ann@Example.com>: no such user", {"an e-mail address"}),
        ("password A4DH-MNSQ-WE5Q-D5A6.", {"a password"}),
        ("2026-11-24T22:01:43.424242Z id=019aa6f2-7c3e-7f00-8000-424242424242 took 424242us bob@example.com", set()),
    ]
    return all(set(found_in(line, secrets)) == expected for line, expected in says)


def main():
    directory, may_be_empty = pathlib.Path(sys.argv[1]), "--may-be-empty" in sys.argv[2:]
    if not finds_what_is_planted():
        sys.exit("look-through-logs.py does not find what was planted")
    secrets = secrets_of(directory)
    lines, hits = 0, []
    for path in sorted(directory.glob("*.log")):
        for line in path.read_text(errors="replace").splitlines():
            lines += 1
            hits += [f"{path.name}: {what}: {line[:500]}" for what in found_in(line, secrets)]
    counts = ", ".join(f"{len(texts)} {kind}s" for kind, texts in secrets.items())
    if not may_be_empty and (lines < 1000 or not all(secrets.values())):
        sys.exit(f"there is too little to look at: {lines} lines of logs for {counts}")
    if hits:
        sys.exit("\n".join(hits[:20]) + f"\n{len(hits)} lines of logs say what they must not")
    print(f"{lines} lines of logs say none of {counts}")


main()
