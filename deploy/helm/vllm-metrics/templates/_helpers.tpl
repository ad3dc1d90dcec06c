{{- define "vllm-metrics.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "vllm-metrics.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "vllm-metrics.selectorLabels" -}}
app.kubernetes.io/name: {{ include "vllm-metrics.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: proxy
{{- end }}

{{- define "vllm-metrics.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "vllm-metrics.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Metadata of an object; its name ends with the suffix. Arguments: context, suffix. */ -}}
{{- define "vllm-metrics.metadata" -}}
{{- $context := index . 0 -}}
name: {{ include "vllm-metrics.fullname" $context }}{{ index . 1 }}
namespace: {{ $context.Release.Namespace }}
labels:
  {{- include "vllm-metrics.commonLabels" $context | nindent 2 }}
{{- end }}

{{- define "vllm-metrics.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "vllm-metrics.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* Arguments: the values of an image, and its tag unless they name one. */ -}}
{{- define "vllm-metrics.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default (index . 1) $image.tag) }}
{{- end }}
{{- end }}

{{- define "vllm-metrics.isStateful" -}}
{{- if or .Values.history.persistent .Values.fluentBit.enabled .Values.push.enabled }}true{{ end }}
{{- end }}

{{- define "vllm-metrics.scheme" -}}
{{- if .Values.tls.existingSecret }}https{{ else }}http{{ end }}
{{- end }}

{{- /* The Secret with the credentials of clients. */ -}}
{{- define "vllm-metrics.clientSecret" -}}
{{- default (include "vllm-metrics.fullname" .) .Values.existingSecret }}
{{- end }}

{{- /* Secret settings as variables; the last Secret wins. Arguments: context, name of one more. */ -}}
{{- define "vllm-metrics.envFrom" -}}
{{- $context := index . 0 -}}
{{- if $context.Values.secretSettings -}}
- secretRef:
    name: {{ include "vllm-metrics.fullname" $context }}
{{- end }}
{{- with $context.Values.existingSecret }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- with index . 1 }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- end }}

{{- /* Settings as variables. */ -}}
{{- define "vllm-metrics.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "vllm-metrics.endpoints" -}}
{{- range .Values.monitor.paths }}
- port: metrics
  path: {{ . }}
  scheme: {{ include "vllm-metrics.scheme" $ }}
  interval: {{ $.Values.monitor.interval }}
  scrapeTimeout: {{ $.Values.monitor.scrapeTimeout }}
  # With several servers, "instance" is the server's.
  honorLabels: true
  {{- if eq $.Values.clientAuth "basic" }}
  basicAuth:
    username:
      name: {{ include "vllm-metrics.clientSecret" $ }}
      key: METRICS_USERNAME
    password:
      name: {{ include "vllm-metrics.clientSecret" $ }}
      key: METRICS_PASSWORD
  {{- else if eq $.Values.clientAuth "bearer" }}
  authorization:
    credentials:
      name: {{ include "vllm-metrics.clientSecret" $ }}
      key: METRICS_BEARER_TOKEN
  {{- end }}
  {{- with $.Values.tls.existingSecret }}
  tlsConfig:
    serverName: {{ include "vllm-metrics.fullname" $ }}.{{ $.Release.Namespace }}.svc
    ca:
      secret:
        name: {{ . }}
        key: ca.crt
  {{- end }}
  {{- with $.Values.monitor.metricRelabelings }}
  metricRelabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Combinations of values that cannot work. */ -}}
{{- define "vllm-metrics.check" -}}
{{- $isScaled := or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) }}
{{- if and .Values.fluentBit.enabled $isScaled }}
{{- fail "fluentBit.enabled: each replica would store every scrape again. Set replicas to 1 and autoscaling.enabled to false, or install a second release for the relay." }}
{{- end }}
{{- if and .Values.push.enabled $isScaled }}
{{- fail "push.enabled: each replica would send every scrape again. Set replicas to 1 and autoscaling.enabled to false." }}
{{- end }}
{{- if and .Values.push.enabled .Values.fluentBit.enabled }}
{{- fail "push.enabled: Fluent Bit sends every scrape too. Enable one of push and fluentBit." }}
{{- end }}
{{- $settings := .Values.settings }}
{{- if and .Values.push.enabled (not (or $settings.OTEL_EXPORTER_OTLP_ENDPOINT $settings.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT $settings.PARSEABLE_PUSH)) }}
{{- fail "push.enabled: needs a receiver. Set settings.OTEL_EXPORTER_OTLP_ENDPOINT, such as http://collector:4318, or settings.PARSEABLE_PUSH and PARSEABLE_URL." }}
{{- end }}
{{- if and .Values.autoscaling.enabled (include "vllm-metrics.isStateful" .) }}
{{- fail "autoscaling.enabled: a StatefulSet is not scaled. Set history.persistent, fluentBit.enabled and push.enabled to false, or install a second release for the relay." }}
{{- end }}
{{- range $part := list "fluentBit" "provision" }}
{{- $own := default dict (get $.Values $part).settings }}
{{- if and (get $.Values $part).enabled (not (or $own.PARSEABLE_URL $.Values.settings.PARSEABLE_URL)) }}
{{- fail (printf "%s.enabled: needs the address of Parseable. Set settings.PARSEABLE_URL, such as http://parseable:8000." $part) }}
{{- end }}
{{- end }}
{{- $keys := get (dict "" (list) "basic" (list "METRICS_USERNAME" "METRICS_PASSWORD") "bearer" (list "METRICS_BEARER_TOKEN")) .Values.clientAuth }}
{{- range $keys }}
{{- if not (or $.Values.existingSecret (get $.Values.secretSettings .)) }}
{{- fail (printf "clientAuth: \"%s\" needs %s. Set it in secretSettings, or name a Secret that has it in existingSecret." $.Values.clientAuth .) }}
{{- end }}
{{- end }}
{{- if and (not .Values.clientAuth) (or .Values.secretSettings.METRICS_PASSWORD .Values.secretSettings.METRICS_BEARER_TOKEN) }}
{{- fail "clientAuth: clients would get 401, since secretSettings has credentials for them. Set clientAuth to basic or bearer." }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}
{{- fail "ingress.enabled: needs a host. Set ingress.host, such as vllm-metrics.example.com." }}
{{- end }}
{{- end }}
