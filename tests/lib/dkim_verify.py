"""Verifies each DKIM signature of the mail on standard input with dkimpy, by the records in the JSON file that is named. For the tests.

Prints an array, one for each DKIM-Signature field from the top: whether it holds, or why not.
"""

import json
import logging
import sys

import dkim

with open(sys.argv[1], encoding="utf-8") as file:
    records = json.load(file)


def look_up(name, timeout=5):
    return records.get(name.decode().rstrip("."), "").encode() or None


mail = sys.stdin.buffer.read()
logging.disable(logging.CRITICAL)
verifier = dkim.DKIM(mail, minkey=1024)
found = sum(1 for name, _ in verifier.headers if name.lower() == b"dkim-signature")
results = []
for index in range(found):
    verifier = dkim.DKIM(mail, minkey=1024)
    try:
        holds = verifier.verify(idx=index, dnsfunc=look_up)
        fields = [name.decode() for name in verifier.signature_fields[b"h"].split(b":")]
        results.append({
            "valid": holds,
            "domain": verifier.domain.decode(),
            "selector": verifier.selector.decode(),
            "algorithm": verifier.signature_fields[b"a"].decode(),
            "tags": sorted(tag.decode() for tag in verifier.signature_fields),
            "fields": [field.strip() for field in fields],
        })
    except Exception as error:
        results.append({"valid": False, "error": str(error)})
print(json.dumps(results))
