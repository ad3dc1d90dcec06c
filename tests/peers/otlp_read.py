"""Reads pushed requests with Google's protobuf library: one JSON object a line, with the media type
and the body in base64; writes the series of all resources but the service's own."""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


def series_of(request):
    for resource in request.resource_metrics:
        attributes = {one.key: one.value.string_value for one in resource.resource.attributes}
        if attributes["service.name"] == "vllm-metrics":
            continue
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield from points_of(metric)


def key(name, point, **more):
    labels = {one.key: one.value.string_value for one in point.attributes} | more
    return name + json.dumps(sorted(labels.items()))


def points_of(metric):
    kind = metric.WhichOneof("data")
    if kind == "sum":
        assert metric.sum.is_monotonic and metric.sum.aggregation_temporality == 2, metric.name
    for point in getattr(metric, kind).data_points:
        if kind in ("sum", "gauge"):
            yield key(metric.name, point), point.as_double
            continue
        yield key(metric.name + "_sum", point), point.sum
        yield key(metric.name + "_count", point), point.count
        if kind == "summary":
            for one in point.quantile_values:
                yield key(metric.name, point, quantile=str(one.quantile)), one.value
            continue
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1, metric.name
        assert sum(point.bucket_counts) == point.count, metric.name
        total = 0
        for bound, count in zip([*point.explicit_bounds, "+Inf"], point.bucket_counts):
            total += count
            yield key(metric.name + "_bucket", point, le=str(bound)), total


for line in sys.stdin:
    case = json.loads(line)
    body = base64.b64decode(case["body"])
    request = ExportMetricsServiceRequest()
    if case["type"] == "application/json":
        json_format.Parse(body, request)
    else:
        request.ParseFromString(body)
    print(json.dumps(sorted(series_of(request))))
