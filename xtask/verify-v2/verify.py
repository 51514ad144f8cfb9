#!/usr/bin/env python3
"""Checks vectors of the second profile without any code of the implementation.

    python3 xtask/verify-v2/verify.py [FOLDER …]

Written from docs/spec/wire-v2.md, with nothing but the standard library of Python 3.8 or later.
Prints a line for each file; the last line is `N passed, N failed`, counting cases. The exit status
is 0 if nothing failed. A file without a known format fails, and so do a file and a folder with
nothing in it. Last, a digit of each file is altered (not on disk), and that must fail.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True

from formats import (  # noqa: E402
    greeting_files, message_files, packet_files, primitive, request_files, session_files,
)
from formats.tally import Tally  # noqa: E402
from primitives import selfcheck  # noqa: E402

FORMATS = {
    "mpenc-v2-frame/1": primitive.frame,
    "mpenc-v2-kdf/1": primitive.kdf,
    "mpenc-v2-aead/1": primitive.aead,
    "mpenc-v2-group/1": primitive.group,
    "mpenc-v2-proof/1": primitive.proof,
    "mpenc-v2-signatures/1": primitive.signatures,
    "mpenc-v2-padding/1": primitive.padding,
    "mpenc-v2-order/1": primitive.order,
    "mpenc-v2-fingerprint/1": primitive.fingerprint,
    "mpenc-v2-hedged/1": primitive.hedged,
    "mpenc-v2-chain-keys/1": primitive.chain_keys,
    "mpenc-v2-packets/1": packet_files.packet_file,
    "mpenc-v2-content/1": packet_files.content_file,
    "mpenc-v2-parts/1": packet_files.parts_file,
    "mpenc-v2-greeting/1": greeting_files.run_file,
    "mpenc-v2-greeting-negative/1": greeting_files.negative_file,
    "mpenc-v2-messages/1": message_files.run_file,
    "mpenc-v2-messages-negative/1": message_files.negative_file,
    "mpenc-v2-requests/1": request_files.request_file,
    "mpenc-v2-session/1": session_files.session_file,
}

# A place in a file of each format that is altered, to see that it is noticed.
ALTERED = {
    "mpenc-v2-frame/1": ("cases", 3, "h"),
    "mpenc-v2-kdf/1": ("cases", 0, "out"),
    "mpenc-v2-aead/1": ("cases", 1, "sealed"),
    "mpenc-v2-group/1": ("products", 1, "product"),
    "mpenc-v2-proof/1": ("cases", 0, "s"),
    "mpenc-v2-signatures/1": ("cases", 0, "signature"),
    "mpenc-v2-order/1": ("packet_ids", 1, "packet"),
    "mpenc-v2-fingerprint/1": ("cases", 0, "t"),
    "mpenc-v2-hedged/1": ("cases", 0, "fresh"),
    "mpenc-v2-chain-keys/1": ("cases", 0, "positions", 0, "tag"),
    "mpenc-v2-packets/1": ("cases", 0, "packet"),
    "mpenc-v2-content/1": ("plaintexts", 0, "plaintext"),
    "mpenc-v2-parts/1": ("cases", 0, "digest"),
    "mpenc-v2-greeting/1": ("cases", 0, "operations", 0, "draws", 0, "fresh", 0),
    "mpenc-v2-greeting-negative/1": ("cases", 0, "packet"),
    "mpenc-v2-messages/1": ("cases", 0, "messages", 0, "packet"),
    "mpenc-v2-messages-negative/1": ("cases", 0, "packet"),
    "mpenc-v2-requests/1": ("cases", 0, "packet"),
    "mpenc-v2-session/1": ("messages", 0, "chain"),
}

# Faults of one file that are printed; the first says most.
SHOWN = 5


def alter(file, place):
    """Changes the last digit of a value, and leaves no other case of its list."""
    value = file
    for key in place[:-1]:
        value = value[key]
    digit = value[place[-1]][-1]
    value[place[-1]] = value[place[-1]][:-1] + ("1" if digit == "0" else "0")
    if place[0] == "cases":
        file["cases"] = [file["cases"][place[1]]]


def bites(path):
    """Whether a file that is altered fails; None if nothing of its format is altered."""
    try:
        file = json.loads(path.read_text(encoding="utf-8"))
        place = ALTERED[file["format"]]
        alter(file, place)
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None
    tally = Tally()
    try:
        FORMATS[file["format"]](file, tally)
    except Exception:
        return True
    return bool(tally.faults)


def check_file(path):
    """(format, tally) of one file."""
    tally, kind = Tally(), "?"
    try:
        file = json.loads(path.read_text(encoding="utf-8"))
        kind = file["format"]
        FORMATS[kind](file, tally)
    except KeyError as error:
        known = kind in FORMATS
        tally.faults.append(f"misses {error}" if known else f"has the unknown format {kind!r}")
    except Exception as error:  # Whatever it is, nothing in the file counts.
        tally.faults.append(f"cannot be read: {type(error).__name__}: {error}")
    if not tally.counts and not tally.faults:
        tally.faults.append("there is nothing in it to check")
    return kind, tally


def check_folder(folder):
    """(passed, failed)"""
    print(folder)
    paths = sorted(folder.glob("*.json"))
    if not paths:
        print("FAILED  there are no vectors")
        return 0, 1
    passed = failed = 0
    for path in paths:
        kind, tally = check_file(path)
        passed += tally.passed
        failed += len(tally.faults)
        counts = ", ".join(f"{count} {what}" for what, count in sorted(tally.counts.items()))
        if tally.inside:
            inside = ", ".join(f"{count} {what}" for what, count in sorted(tally.inside.items()))
            counts += f" with {inside}"
        verdict = "FAILED" if tally.faults else "ok    "
        print(f"{verdict}  {path.name}  {kind}: {counts or 'nothing'}")
        for fault in tally.faults[:SHOWN]:
            print(f"        {fault}")
        if len(tally.faults) > SHOWN:
            print(f"        and {len(tally.faults) - SHOWN} more")
    results = {path.name: bites(path) for path in paths}
    unnoticed = [name for name, noticed in results.items() if noticed is False]
    noticed = sum(result is True for result in results.values())
    verdict = "FAILED" if unnoticed else "ok    "
    print(f"{verdict}  {noticed} files, altered in one digit each, fail")
    for name in unnoticed:
        print(f"        {name} does not")
    return passed, failed + len(unnoticed)


def main(arguments):
    if any(argument.startswith("-") for argument in arguments):
        print(__doc__.strip())
        return 0 if set(arguments) <= {"-h", "--help"} else 2
    count, broken = selfcheck.run()
    print(f"{'FAILED' if broken else 'ok    '}  self-check against the RFCs: {count} checks")
    for what in broken:
        print(f"        {what}")
    passed, failed = 0, len(broken)
    here = pathlib.Path(__file__).resolve().parent
    for folder in [pathlib.Path(a) for a in arguments] or [here.parent / "vectors" / "v2"]:
        good, bad = check_folder(folder)
        passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
