"""Merges servers' texts with prometheus_client's parser and compares that with another merge.

Standard input: one JSON object, {"servers": [[name, text], ...], "merged": text}.
Standard output: one JSON object, {"samples", "families", "difference", "repeated"}.
"""

import json
import sys

try:
    from prometheus_client.parser import text_string_to_metric_families as parse
except ImportError as error:
    sys.exit(f"{sys.executable} lacks a module ({error}): pip install prometheus-client, or name a "
             "Python that has it in PEER_PYTHON")


def labelled(labels, instance):
    """The rule of Prometheus for a target's own label that a sample has as well."""
    found = dict(labels)
    if "instance" in found:
        name = "exported_instance"
        while name in found:
            name = "exported_" + name
        found[name] = found.pop("instance")
    found["instance"] = instance
    return found


def key(name, labels):
    return json.dumps([name, sorted(item for item in labels.items() if item[1] != "")])


def merge(servers):
    types, samples, documentation = {}, {}, {}
    for instance, text in servers:
        for family in parse(text):
            if types.setdefault(family.name, family.type) != family.type:
                continue
            if not documentation.get(family.name):
                documentation[family.name] = family.documentation
            for sample in family.samples:
                samples[key(sample.name, labelled(sample.labels, instance))] = [
                    family.type, repr(float(sample.value)), str(sample.timestamp)]
    return samples, documentation


def read(text):
    samples, documentation, repeated = {}, {}, []
    for family in parse(text):
        if family.name in documentation:
            repeated.append(family.name)
        documentation[family.name] = family.documentation
        for sample in family.samples:
            found = key(sample.name, sample.labels)
            if found in samples:
                repeated.append(found)
            samples[found] = [family.type, repr(float(sample.value)), str(sample.timestamp)]
    return samples, documentation, repeated


case = json.load(sys.stdin)
expected, expected_help = merge(case["servers"])
actual, actual_help, repeated = read(case["merged"])
difference = [[name, expected.get(name), actual.get(name)]
              for name in sorted(set(expected) | set(actual))
              if expected.get(name) != actual.get(name)]
difference += [[name, text, actual_help.get(name)] for name, text in sorted(expected_help.items())
               if actual_help.get(name) != text]
print(json.dumps({"samples": len(actual), "families": len(actual_help),
                  "difference": difference[:5], "repeated": repeated[:5]}))
