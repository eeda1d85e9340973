{{/* Name of all objects: that of the release, with "sealwire" in it. */}}
{{- define "sealwire.name" -}}
{{- if contains "sealwire" .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-sealwire" .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{/* Labels by which pods are selected: (list CONTEXT COMPONENT). They never change. */}}
{{- define "sealwire.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: sealwire
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of an object: (list CONTEXT COMPONENT). */}}
{{- define "sealwire.labels" -}}
{{- $root := index . 0 -}}
{{ include "sealwire.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "sealwire.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ printf "%s@%s" $image.repository $image.digest }}
{{- else -}}
{{ printf "%s:%s" $image.repository $image.tag }}
{{- end -}}
{{- end -}}
