"""Reads pairs of texts with prometheus_client's parsers and compares their samples.

Standard input: one JSON object a line, {"name", "format", "input", "output"}.
Standard output: one JSON object a line, {"name", "samples", "difference"}.
"""

import json
import re
import sys

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
    from prometheus_client.parser import text_string_to_metric_families as text
except ImportError as error:
    sys.exit(f"{sys.executable} lacks a module ({error}): pip install prometheus-client, or name a "
             "Python that has it in PEER_PYTHON")


def samples(families):
    found = {}
    for family in families:
        for sample in family.samples:
            name = re.sub(r"[_:]*:[_:]*", "_", sample.name)
            key = json.dumps([name, sorted(sample.labels.items())])
            found[key] = repr(float(sample.value))
    return found


for line in sys.stdin:
    case = json.loads(line)
    parse = openmetrics if case["format"] == "openmetrics" else text
    expected = samples(parse(case["input"]))
    actual = samples(text(case["output"]))
    keys = sorted(set(expected) | set(actual))
    difference = [[key, expected.get(key), actual.get(key)] for key in keys
                  if expected.get(key) != actual.get(key)]
    print(json.dumps({"name": case["name"], "samples": len(actual), "difference": difference[:5]}))
