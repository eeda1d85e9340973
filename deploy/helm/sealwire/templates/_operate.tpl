{{/* What shows and records the work of servers: console, audit log, traces. */}}

{{/* The audit log of a pod; empty if there is none, or if it goes to standard output. A process needs a file of its own. */}}
{{- define "sealwire.auditFile" -}}
{{- if and .Values.audit.enabled .Values.audit.volume -}}
/audit/$(POD_NAME).log
{{- end -}}
{{- end -}}

{{/* The words of the command line that servers alone have. */}}
{{- define "sealwire.operateArgs" -}}
{{- if .Values.audit.enabled }}
- {{ printf "--audit=%s" (include "sealwire.auditFile" . | default "-") | quote }}
{{- if .Values.audit.required }}
- --audit-required
{{- end }}
{{- end }}
{{- if .Values.operator.payloads }}
- --operator-payloads
{{- end }}
{{- if .Values.console.enabled }}
- --console=0.0.0.0:{{ .Values.console.port }}
- --console-token-file=/console/{{ .Values.console.key }}
{{- if .Values.console.readOnly }}
- --console-read-only
{{- end }}
{{- end }}
{{- end -}}

{{- define "sealwire.operateMounts" -}}
{{- if .Values.console.enabled }}
- { name: console, mountPath: /console, readOnly: true }
{{- end }}
{{- if include "sealwire.auditFile" . }}
- { name: audit, mountPath: /audit }
{{- end }}
{{- end -}}

{{- define "sealwire.operateVolumes" -}}
{{- if .Values.console.enabled }}
- name: console
  secret: { secretName: {{ .Values.console.existingSecret }}, defaultMode: 256 }
{{- end }}
{{- if include "sealwire.auditFile" . }}
- name: audit
  {{- toYaml .Values.audit.volume | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Variables of OpenTelemetry. */}}
{{- define "sealwire.otelEnv" -}}
{{- if .Values.otel.enabled }}
{{- $attributes := list "k8s.pod.name=$(POD_NAME)" (printf "k8s.namespace.name=%s" .Release.Namespace) -}}
{{- range $name, $value := .Values.otel.resourceAttributes -}}
{{- $attributes = append $attributes (printf "%s=%s" $name $value) -}}
{{- end }}
- { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .Values.otel.endpoint | quote }} }
- { name: OTEL_SERVICE_NAME, value: {{ .Values.otel.serviceName | default (include "sealwire.name" .) | quote }} }
- { name: OTEL_RESOURCE_ATTRIBUTES, value: {{ join "," $attributes | quote }} }
{{- with .Values.otel.sampler }}
- { name: OTEL_TRACES_SAMPLER, value: {{ . | quote }} }
{{- end }}
{{- with .Values.otel.samplerArg }}
- { name: OTEL_TRACES_SAMPLER_ARG, value: {{ . | quote }} }
{{- end }}
{{- with .Values.otel.env }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Ends the rendering with what the values contradict. */}}
{{- define "sealwire.checkValues" -}}
{{- if and .Values.console.enabled (not .Values.tls.enabled) }}
{{- fail "the console is served beyond loopback, which needs TLS: set tls.enabled, or console.enabled: false" }}
{{- end }}
{{- if has (int .Values.console.port) (list 50051 9464) }}
{{- fail "console.port is that of calls (50051) or metrics (9464): take another one" }}
{{- end }}
{{- if hasKey .Values.audit.volume "name" }}
{{- fail "audit.volume is the source of a volume, such as emptyDir: {}, without a name" }}
{{- end }}
{{- if and .Values.audit.required (not .Values.audit.enabled) }}
{{- fail "audit.required needs an audit log: set audit.enabled" }}
{{- end }}
{{- if and .Values.otel.enabled (not .Values.otel.endpoint) }}
{{- fail "otel.enabled needs the collector: set otel.endpoint, such as http://collector.monitoring.svc:4318" }}
{{- end }}
{{- if and .Values.otel.samplerArg (not .Values.otel.sampler) }}
{{- fail "otel.samplerArg is for a sampler: set otel.sampler" }}
{{- end }}
{{- end -}}
