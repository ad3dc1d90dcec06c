"""A second implementation of the relay's rules, on Google's protobuf library.

    oracle.py generate SEED COUNT    writes COUNT random requests, one JSON object a line:
                                     {"binary": base64, "json": OTLP/JSON}
    oracle.py compare                reads {"name", "binary": base64, "bodies": [JSON text],
                                     "counts": {...}} lines, writes {"name", "problems": [...]}

`compare` decodes the binary by itself, repairs and cleans it by its own reading of
the rules, and holds the result against the bodies, point by point.
"""

import base64
import json
import math
import random
import sys

try:
    from google.protobuf import json_format
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )
except ImportError as error:
    sys.exit(
        f"{sys.executable} lacks a module ({error}): pip install opentelemetry-proto protobuf,"
        " or name a Python that has them in PEER_PYTHON"
    )

KINDS = {
    "gauge": "gauge",
    "sum": "sum",
    "histogram": "histogram",
    "exponential_histogram": "exponentialHistogram",
    "summary": "summary",
}
NO_RECORDED_VALUE = 1
MAX_INT64 = 2**63 - 1


# What Parseable shall be given, from the request as protobuf.


class Expected:
    """The points that shall arrive, and the counts that shall be kept."""

    def __init__(self, request, as_sent=True):
        self.as_sent = as_sent
        self.dropped = {}
        self.repaired = 0
        self.unrepairable = 0
        self.received = dict.fromkeys(KINDS, 0)
        self.points = []
        for resource_metrics in request.resource_metrics:
            own = []
            for scope_metrics in resource_metrics.scope_metrics:
                in_scope = [p for m in scope_metrics.metrics for p in self.of_metric(m)]
                if in_scope:
                    scope = self.of_holder(scope_metrics, "scope")
                    own += [(scope, scope_metrics.schema_url, *p) for p in in_scope]
            if own:
                resource = self.of_holder(resource_metrics, "resource")
                self.points += [(resource, resource_metrics.schema_url, *p) for p in own]

    def drop(self, reason):
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def of_holder(self, parent, field):
        if not parent.HasField(field):
            return None
        holder = getattr(parent, field)
        named = (holder.name, holder.version) if field == "scope" else ()
        return (*named, self.attributes(holder.attributes), holder.dropped_attributes_count)

    def of_metric(self, metric):
        kind = metric.WhichOneof("data")
        if kind is None:
            self.drop("unknown_kind")
            return []
        data = getattr(metric, kind)
        self.received[kind] += len(data.data_points)
        temporality = getattr(data, "aggregation_temporality", None)
        counts = None
        if kind == "histogram":
            temporality, counts = self.repair(data)
        points = []
        for index, point in enumerate(data.data_points):
            kept = getattr(self, kind if kind != "sum" else "gauge")(
                point, *([counts[index]] if counts is not None else [])
            )
            if kept is not None:
                points.append(kept)
        if not points:
            return []
        head = (
            metric.name,
            metric.description,
            metric.unit,
            self.attributes(metric.metadata),
            kind,
            temporality,
            getattr(data, "is_monotonic", None),
        )
        return [(head, point) for point in points]

    def repair(self, histogram):
        counts = [list(p.bucket_counts) for p in histogram.data_points]
        if histogram.aggregation_temporality != 0 or not self.as_sent:
            return histogram.aggregation_temporality, counts
        is_le, is_bucket = [], []
        for point, own in zip(histogram.data_points, counts):
            is_le.append(own != [] and own == sorted(own) and own[-1] == point.count)
            is_bucket.append(own != [] and sum(own) == point.count)
        only_bucket = any(b and not l for b, l in zip(is_bucket, is_le))
        only_le = any(l and not b for b, l in zip(is_bucket, is_le))
        repaired = 0
        for index, own in enumerate(counts):
            if own and not is_le[index] and not is_bucket[index]:
                self.unrepairable += 1
            ambiguous = is_le[index] and is_bucket[index]
            if is_le[index] and not (ambiguous and only_bucket and not only_le):
                counts[index] = [b - a for a, b in zip([0, *own], own)]
                repaired += 1
        self.repaired += repaired
        return 2 if repaired and not only_bucket else 0, counts

    def base(self, point):
        return (point.start_time_unix_nano, point.time_unix_nano, point.flags)

    def gauge(self, point):
        which = point.WhichOneof("value")
        value = None if which is None else float(getattr(point, which))
        if value is None or not math.isfinite(value):
            if not point.flags & NO_RECORDED_VALUE:
                return self.drop("value_missing" if value is None else "value_not_finite")
            value = None
        return (
            self.base(point),
            self.attributes(point.attributes),
            self.exemplars(point.exemplars),
            value,
        )

    def optional(self, point, field, reason):
        if not point.HasField(field):
            return None
        value = getattr(point, field)
        return value if math.isfinite(value) else self.drop(reason)

    def statistics(self, point):
        return (
            point.count,
            self.optional(point, "sum", "sum_not_finite"),
            self.optional(point, "min", "extreme_not_finite"),
            self.optional(point, "max", "extreme_not_finite"),
        )

    def histogram(self, point, counts):
        if any(count > MAX_INT64 for count in counts):
            return self.drop("count_impossible")
        bounds = list(point.explicit_bounds)
        fits = len(counts) == len(bounds) + 1
        if bounds and bounds[0] == -math.inf:
            bounds = bounds[1:]
            if fits:
                counts = [counts[0] + counts[1], *counts[2:]]
        if bounds and bounds[-1] == math.inf:
            bounds = bounds[:-1]
            if fits:
                counts = [*counts[:-2], counts[-2] + counts[-1]]
        if not all(map(math.isfinite, bounds)):
            return self.drop("bound_not_finite")
        if not counts or not bounds:
            if len(counts) > 1 or bounds:
                self.drop("buckets_incomplete")
            counts = [point.count, 0]
            has_max = point.HasField("max") and math.isfinite(point.max)
            bounds = [point.max if has_max else 1e308]
        if any(count > MAX_INT64 for count in counts):
            return self.drop("count_impossible")
        return (
            self.base(point),
            self.attributes(point.attributes),
            self.exemplars(point.exemplars),
            self.statistics(point),
            counts,
            bounds,
        )

    def exponential_histogram(self, point):
        sides = []
        for field in ("positive", "negative"):
            side = getattr(point, field)
            if any(count > MAX_INT64 for count in side.bucket_counts):
                return self.drop("count_impossible")
            has = list(side.bucket_counts) != []
            sides.append((side.offset, list(side.bucket_counts)) if has else None)
        threshold = point.zero_threshold
        if not math.isfinite(threshold):
            self.drop("extreme_not_finite")
            threshold = 0
        return (
            self.base(point),
            self.attributes(point.attributes),
            self.exemplars(point.exemplars),
            self.statistics(point),
            (point.scale, point.zero_count, threshold),
            *sides,
        )

    def summary(self, point):
        if not math.isfinite(point.sum):
            return self.drop("summary_sum_not_finite")
        quantiles = []
        for quantile in point.quantile_values:
            pair = (quantile.quantile, quantile.value)
            if all(map(math.isfinite, pair)):
                quantiles.append(pair)
            else:
                self.drop("quantile_not_finite")
        return (
            self.base(point),
            self.attributes(point.attributes),
            (point.count, point.sum),
            quantiles,
        )

    def exemplars(self, exemplars):
        kept = []
        for exemplar in exemplars:
            which = exemplar.WhichOneof("value")
            value = None if which is None else float(getattr(exemplar, which))
            if value is not None and not math.isfinite(value):
                self.drop("exemplar_not_finite")
                continue
            kept.append(
                (
                    self.attributes(exemplar.filtered_attributes),
                    exemplar.time_unix_nano,
                    exemplar.span_id,
                    exemplar.trace_id,
                    value,
                )
            )
        return kept

    def attributes(self, attributes):
        kept = []
        for attribute in attributes:
            value = self.value(attribute.value if attribute.key else None)
            if value is not None:
                kept.append((attribute.key, value))
        return kept

    def value(self, value):
        which = value.WhichOneof("value") if value is not None else None
        if which is None or which == "string_value_strindex":
            return self.drop("attribute_empty")
        plain = getattr(value, which)
        if which == "double_value" and not math.isfinite(plain):
            return self.drop("attribute_not_finite")
        if which == "array_value":
            items = [self.value(item) for item in plain.values]
            return (which, [item for item in items if item is not None])
        if which == "kvlist_value":
            return (which, self.attributes(plain.values))
        return (which, plain)


# What the bodies say, read with the demands of Parseable 2.9.5.


class Problem(Exception):
    """Something that Parseable would not take, or the library not read."""


def demand(condition, *what):
    if not condition:
        raise Problem(" ".join(map(str, what)))


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_natural_text(value):
    return isinstance(value, str) and value.isascii() and value.isdigit()


def check_any(tree, allowed_empty=("attributes", "exemplars", "filteredAttributes")):
    """No empty arrays but those that Parseable demands or turns into text, no empty values."""
    if isinstance(tree, list):
        for item in tree:
            check_any(item)
    elif isinstance(tree, dict):
        for name, item in tree.items():
            demand(item is not None, "null at", name)
            if item == []:
                demand(name in allowed_empty or name == "values", "empty array at", name)
            if name == "value" and isinstance(item, dict):
                demand(len(item) == 1, "an AnyValue of", item)
            check_any(item)


def check_exemplars(exemplars):
    for exemplar in exemplars:
        for name in ("filteredAttributes", "timeUnixNano", "spanId", "traceId"):
            demand(name in exemplar, "exemplar without", name)
        value = exemplar.pop("value", None)
        demand((value is None) == ("asDouble" not in exemplar), "exemplar with half a value")
        demand(value is None or value == {"asDouble": exemplar["asDouble"]}, "exemplar", value)
        for name in ("spanId", "traceId"):
            exemplar[name] = base64.b64encode(bytes.fromhex(exemplar[name])).decode()


def check_point(name, point):
    demand(is_natural_text(point["timeUnixNano"]), "a time that is no text", point)
    check_exemplars(point.get("exemplars", []))
    if name in ("gauge", "sum"):
        demand("asInt" not in point, "asInt")
        demand("asDouble" not in point or is_number(point["asDouble"]), "asDouble", point)
        return
    demand(is_natural_text(point["count"]), "a count that is no text", point)
    if name == "histogram":
        demand(point["bucketCounts"] and point["explicitBounds"], "no buckets", point)
    sides = [point] if name == "histogram" else [point.get("positive"), point.get("negative")]
    for counts in (side["bucketCounts"] for side in sides if side and name != "summary"):
        demand(all(map(is_natural_text, counts)), "a bucket count that is no text", counts)
        demand(all(int(count) <= MAX_INT64 for count in counts), "a bucket count too large")
    if name == "exponentialHistogram":
        for field in ("attributes", "startTimeUnixNano", "flags", "scale", "zeroCount"):
            demand(field in point, "exponential histogram point without", field)
        for field in ("exemplars", "zeroThreshold"):
            demand(field in point, "exponential histogram point without", field)


def check_body(tree):
    check_any(tree)
    for resource_metrics in tree["resourceMetrics"]:
        for scope_metrics in resource_metrics["scopeMetrics"]:
            demand(scope_metrics["metrics"], "a scope without metrics")
            for metric in scope_metrics["metrics"]:
                (name,) = set(KINDS.values()) & set(metric)
                data = metric[name]
                demand(data["dataPoints"], "a metric without points")
                temporality = data.get("aggregationTemporality", 0)
                demand(type(temporality) is int, "a temporality that is no number")
                for point in data["dataPoints"]:
                    check_point(name, point)


def points_of_body(text):
    tree = json.loads(text, parse_constant=lambda word: demand(False, "a bare", word))
    check_body(tree)
    request = json_format.ParseDict(tree, ExportMetricsServiceRequest())
    # What was cleaned comes out of the cleaning as it went in.
    again = Expected(request, as_sent=False)
    demand(again.dropped == {}, "still to be taken out:", again.dropped)
    return again.points


def compare(case):
    request = ExportMetricsServiceRequest()
    request.ParseFromString(base64.b64decode(case["binary"]))
    expected = Expected(request)
    problems = []
    try:
        points = [point for body in case["bodies"] for point in points_of_body(body)]
    except (Problem, KeyError, ValueError, json_format.ParseError) as error:
        return [f"{type(error).__name__}: {error}"]
    if len(points) != len(expected.points):
        problems.append(f"{len(points)} points instead of {len(expected.points)}")
    for index, (got, wanted) in enumerate(zip(points, expected.points)):
        if got != wanted:
            problems.append(f"point {index}: {got} instead of {wanted}")
    counts = case["counts"]
    for name, wanted in (
        ("pointsByKind", expected.received),
        ("repaired", expected.repaired),
        ("unrepairable", expected.unrepairable),
        ("droppedByReason", expected.dropped),
    ):
        if counts[name] != wanted:
            problems.append(f"{name}: {counts[name]} instead of {wanted}")
    return problems[:5]


# Random requests.

TEXTS = [
    "",
    "vllm_num_requests_running",
    'acme/we"ird\\mo\tdel\nx:v1 ü模型 {a="b"}',
    "\ufeffbyte order mark",
    "\ufeff",
    "nul \0 and \x1f and \x7f",
    "\U0001f600 beyond the BMP",
    "x" * 200,
    "é" * 7,
    "\u2028line separators\u2029",
]
DOUBLES = [0.0, -0.0, 1.0, -1.5, 0.1, 1e21, 1e-7, 123456789.125, 5e-324, 1.7976931348623157e308]
ODD_DOUBLES = [math.nan, math.inf, -math.inf]
INTEGERS = [0, 1, -1, 7, 2**31, -(2**31), 2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
NATURALS = [0, 1, 2, 10, 2**32, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1]
TIMES = [0, 1795493687995061749, 1795493687995061750, 2**63 - 1, 2**64 - 1]
# Fields that no OTLP message has: a varint, 64 bits, a text and 32 bits.
UNKNOWN = [b"\xc0\x3e\x01", b"\xc1\x3e" + bytes(8), b"\xc2\x3e\x02hi", b"\xc5\x3e" + bytes(4)]


class Generator:
    """Makes requests of all kinds, some of them with what has to be taken out."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def request(self):
        self.oddness = self.random.choice([0, 0, 0.02, 0.2])
        request = ExportMetricsServiceRequest()
        for _ in range(self.random.randint(0, 3)):
            resource_metrics = request.resource_metrics.add(schema_url=self.rarely_text())
            if self.chance(0.5):
                self.fill_holder(resource_metrics.resource)
            for _ in range(self.random.randint(0, 3)):
                scope_metrics = resource_metrics.scope_metrics.add(schema_url=self.rarely_text())
                if self.chance(0.5):
                    self.fill_holder(scope_metrics.scope)
                    scope_metrics.scope.name = self.text()
                    scope_metrics.scope.version = self.rarely_text()
                for _ in range(self.random.randint(0, 5)):
                    self.fill_metric(scope_metrics.metrics.add())
        self.unknown(request)
        return request

    def chance(self, probability):
        return self.random.random() < probability

    def odd(self):
        return self.chance(self.oddness)

    def text(self):
        return self.random.choice(TEXTS)

    def rarely_text(self):
        return self.text() if self.chance(0.3) else ""

    def double(self):
        if self.odd():
            return self.random.choice(ODD_DOUBLES)
        if self.chance(0.5):
            return self.random.choice(DOUBLES)
        return self.random.uniform(-1, 1) * 10 ** self.random.randint(-300, 300)

    def natural(self):
        return self.random.choice(NATURALS if self.odd() else NATURALS[:9])

    def unknown(self, message):
        if self.chance(0.1):
            message.MergeFromString(self.random.choice(UNKNOWN))

    def fill_holder(self, holder):
        holder.SetInParent()
        self.fill_attributes(holder.attributes)
        if self.chance(0.2):
            holder.dropped_attributes_count = self.random.choice([1, 2**32 - 1])

    def fill_attributes(self, attributes):
        for _ in range(self.random.randint(0, 4)):
            self.fill_attribute(attributes.add(), 0)

    def fill_attribute(self, attribute, depth):
        attribute.key = "" if self.odd() else self.random.choice(["engine", "model_name", "ü", "le"])
        if not self.odd():
            self.fill_value(attribute.value, depth)
        self.unknown(attribute)

    def fill_value(self, value, depth):
        choice = self.random.randint(0, 9 if depth < 6 else 7)
        if self.odd():
            value.SetInParent()
        elif choice < 4:
            value.string_value = self.text()
        elif choice == 4:
            value.bool_value = self.chance(0.5)
        elif choice == 5:
            value.int_value = self.random.choice(INTEGERS)
        elif choice == 6:
            value.double_value = self.double()
        elif choice == 7:
            value.bytes_value = self.random.randbytes(self.random.randint(0, 5))
        elif choice == 8:
            value.array_value.SetInParent()
            for _ in range(self.random.randint(0, 3)):
                self.fill_value(value.array_value.values.add(), depth + 1)
        else:
            value.kvlist_value.SetInParent()
            for _ in range(self.random.randint(0, 3)):
                self.fill_attribute(value.kvlist_value.values.add(), depth + 1)

    def fill_metric(self, metric):
        metric.name = self.text()
        metric.description = self.rarely_text()
        metric.unit = self.rarely_text()
        if self.chance(0.2):
            self.fill_attributes(metric.metadata)
        if self.odd():
            return
        kind = self.random.choice(list(KINDS))
        data = getattr(metric, kind)
        data.SetInParent()
        for _ in range(self.random.choice([0, 1, 1, 2, 5])):
            point = data.data_points.add()
            point.start_time_unix_nano = self.random.choice(TIMES)
            point.time_unix_nano = self.random.choice(TIMES)
            point.flags = self.random.choice([0, 0, 0, 1, 2**32 - 1])
            self.fill_attributes(point.attributes)
            getattr(self, kind)(point)
            self.unknown(point)
        if kind not in ("gauge", "summary"):
            data.aggregation_temporality = self.random.choice([0, 0, 1, 2])
        if kind == "sum":
            data.is_monotonic = self.chance(0.5)
        self.unknown(data)
        self.unknown(metric)

    def number(self, holder):
        if self.odd():
            return
        if self.chance(0.3):
            holder.as_int = self.random.choice(INTEGERS)
        else:
            holder.as_double = self.double()

    def gauge(self, point):
        self.number(point)
        self.fill_exemplars(point.exemplars)

    sum = gauge

    def fill_exemplars(self, exemplars):
        for _ in range(self.random.choice([0, 0, 0, 1, 3])):
            exemplar = exemplars.add(time_unix_nano=self.random.choice(TIMES))
            self.fill_attributes(exemplar.filtered_attributes)
            self.number(exemplar)
            if self.chance(0.5):
                exemplar.span_id = self.random.randbytes(8)
                exemplar.trace_id = self.random.randbytes(16)
            self.unknown(exemplar)

    def fill_statistics(self, point):
        for field in ("sum", "min", "max"):
            if self.chance(0.6):
                setattr(point, field, self.double())

    def histogram(self, point):
        self.fill_statistics(point)
        self.fill_exemplars(point.exemplars)
        bounds = sorted({self.random.uniform(-10, 1000) for _ in range(self.random.randint(0, 6))})
        if self.odd() and bounds:
            bounds[self.random.choice([0, -1])] = self.random.choice(ODD_DOUBLES)
        counts = [self.random.choice([0, 0, 1, 2, 1000]) for _ in range(len(bounds) + 1)]
        if self.odd():
            counts = [self.natural() for _ in counts]
        if self.chance(0.15):
            counts = [0] * len(bounds) + [self.random.choice([0, 5])]
        if self.odd():
            counts = counts[: self.random.randint(0, len(counts))]
        if self.odd():
            bounds = []
        total = sum(counts)
        if self.chance(0.5):
            counts = [sum(counts[: i + 1]) for i in range(len(counts))]
        if self.chance(0.1):
            total = self.natural()
        point.count = min(total, 2**64 - 1)
        point.bucket_counts.extend(min(count, 2**64 - 1) for count in counts)
        point.explicit_bounds.extend(bounds)

    def exponential_histogram(self, point):
        self.fill_statistics(point)
        self.fill_exemplars(point.exemplars)
        point.count = self.natural()
        point.zero_count = self.natural()
        point.scale = self.random.choice([0, 20, -10, 2**31 - 1, -(2**31)])
        if self.chance(0.3):
            point.zero_threshold = self.double()
        for side in (point.positive, point.negative):
            if self.chance(0.6):
                side.offset = self.random.choice([0, 5, -5, 2**31 - 1, -(2**31)])
                side.bucket_counts.extend(self.natural() for _ in range(self.random.randint(0, 5)))

    def summary(self, point):
        point.count = self.natural()
        point.sum = self.double()
        for _ in range(self.random.randint(0, 3)):
            point.quantile_values.add(quantile=self.random.random(), value=self.double())


def otlp_json(request):
    """The JSON mapping of proto3, with what OTLP changes: numbers for enums, hex for spans."""
    tree = json_format.MessageToDict(request, use_integers_for_enums=True)

    def to_hex(node):
        if isinstance(node, list):
            for item in node:
                to_hex(item)
        elif isinstance(node, dict):
            for name, item in node.items():
                if name in ("spanId", "traceId"):
                    node[name] = base64.b64decode(item).hex()
                else:
                    to_hex(item)

    to_hex(tree)
    return json.dumps(tree)


def main(arguments):
    if arguments[:1] == ["generate"]:
        generator = Generator(int(arguments[1]))
        for _ in range(int(arguments[2])):
            request = generator.request()
            binary = base64.b64encode(request.SerializeToString()).decode()
            print(json.dumps({"binary": binary, "json": otlp_json(request)}))
    elif arguments == ["compare"]:
        for line in sys.stdin:
            case = json.loads(line)
            print(json.dumps({"name": case["name"], "problems": compare(case)}))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
