{{/* What all pods have. */}}
{{- define "sealwire.podDefaults" -}}
automountServiceAccountToken: {{ .Values.serviceAccount.automountToken }}
{{- with .Values.serviceAccount.name }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Mounted secrets belong to root. The fsGroup can read them, and write the health file and the audit log. */}}
{{- define "sealwire.podSecurity" -}}
{{- $user := dict "runAsNonRoot" true "runAsUser" 65532 "runAsGroup" 65532 "fsGroup" 65532 -}}
{{- $own := merge $user (dict "seccompProfile" (dict "type" "RuntimeDefault")) -}}
{{ mergeOverwrite $own (deepCopy .Values.securityContext.pod) | toYaml }}
{{- end -}}

{{- define "sealwire.containerSecurity" -}}
{{- $own := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true -}}
{{- $_ := set $own "capabilities" (dict "drop" (list "ALL")) -}}
{{ mergeOverwrite $own (deepCopy .Values.securityContext.container) | toYaml }}
{{- end -}}

{{/* Where pods of a component may run: (list CONTEXT COMPONENT VALUES). */}}
{{- define "sealwire.placement" -}}
{{- $values := index . 2 -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "sealwire.selector" . | nindent 8 }}
{{- range $name := list "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
{{- with index $values $name }}
{{ $name }}: {{- if kindIs "string" . }} {{ . }}{{ else }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The server touches the file every second. It contains the health status, so that no probe must start Node. */}}
{{- define "sealwire.probes" -}}
{{- $live := `test -n "$(find /run/sealwire/health -mmin -1)"` -}}
{{- $ready := printf "%s && grep -qx SERVING /run/sealwire/health" $live -}}
startupProbe:
  exec:
    command: [sh, -c, {{ squote $ready }}]
  {{- toYaml .Values.probes.startup | nindent 2 }}
readinessProbe:
  exec:
    command: [sh, -c, {{ squote $ready }}]
  {{- toYaml .Values.probes.readiness | nindent 2 }}
# Checks only that the process is running, because a draining server must not be killed.
livenessProbe:
  exec:
    command: [sh, -c, {{ squote $live }}]
  {{- toYaml .Values.probes.liveness | nindent 2 }}
{{- end -}}

{{/* The words that servers and workers have in common. */}}
{{- define "sealwire.toolArgs" -}}
{{- range .Values.tools }}
- {{ printf "--tools=%s" . | quote }}
{{- end }}
{{- if include "sealwire.config" . }}
- --config=/etc/sealwire/serve.json
{{- end }}
{{- if .Values.otel.enabled }}
- --otel
{{- end }}
{{- end -}}

{{- define "sealwire.metricsArgs" -}}
- --health-file=/run/sealwire/health
{{- if .Values.metrics.enabled }}
- --metrics=0.0.0.0:9464
- --metrics-public
{{- end }}
{{- end -}}

{{/* Variables of a component: (list CONTEXT VALUES). POD_NAME comes first, because others refer to it. */}}
{{- define "sealwire.env" -}}
{{- $root := index . 0 -}}
{{- if or $root.Values.otel.enabled (include "sealwire.auditFile" $root) }}
- name: POD_NAME
  valueFrom:
    fieldRef: { fieldPath: metadata.name }
{{- end }}
- name: SEALWIRE_STORE
  valueFrom:
    secretKeyRef: { name: {{ $root.Values.store.existingSecret }}, key: {{ $root.Values.store.key }} }
{{- include "sealwire.otelEnv" $root }}
{{- with concat $root.Values.env (index . 1).env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "sealwire.sharedMounts" -}}
- { name: health, mountPath: /run/sealwire }
{{- if include "sealwire.config" . }}
- { name: config, mountPath: /etc/sealwire, readOnly: true }
{{- end }}
{{- if .Values.upstreams }}
- { name: upstreams, mountPath: /run/upstreams }
{{- end }}
{{- with .Values.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "sealwire.sharedVolumes" -}}
- name: health
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
{{- if include "sealwire.config" . }}
- name: config
  configMap: { name: {{ include "sealwire.name" . }} }
{{- end }}
{{- if .Values.upstreams }}
- name: upstreams
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Annotations of pods: (list CONTEXT VALUES). A changed configuration replaces the pods. */}}
{{- define "sealwire.annotations" -}}
{{- $annotations := deepCopy (index . 1).podAnnotations -}}
{{- with include "sealwire.config" (index . 0) -}}
{{- $_ := set $annotations "checksum/config" (sha256sum .) -}}
{{- end -}}
{{- with $annotations -}}
annotations: {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
