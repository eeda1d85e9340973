{{/* The configuration file as JSON; empty if there is nothing in it. */}}
{{- define "sealwire.config" -}}
{{- $upstreams := dict -}}
{{- range .Values.upstreams -}}
{{- $address := .address | default (printf "unix:/run/upstreams/%s.sock" .name) -}}
{{- /* Only containers of the pod reach its loopback and this folder. */ -}}
{{- $own := dict "address" $address "descriptors" .descriptors "trust_loopback" true -}}
{{- $_ := set $upstreams .name (mergeOverwrite $own (.settings | default dict)) -}}
{{- end -}}
{{- $config := deepCopy .Values.config -}}
{{- if $upstreams -}}
{{- $_ := set $config "upstreams" (mergeOverwrite (get $config "upstreams" | default dict) $upstreams) -}}
{{- end -}}
{{- if $config -}}
{{ toPrettyJson $config }}
{{- end -}}
{{- end -}}

{{/* Sidecars: they start before the server, and end after it has drained. */}}
{{- define "sealwire.sidecars" -}}
{{- range .Values.upstreams }}
- name: upstream-{{ .name }}
  image: {{ .image | quote }}
  restartPolicy: Always
  {{- with .args }}
  args: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .env }}
  env: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .resources }}
  resources: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- if .securityContext }}
    {{- toYaml .securityContext | nindent 4 }}
    {{- else }}
    {{- include "sealwire.containerSecurity" $ | nindent 4 }}
    {{- end }}
  volumeMounts:
    - { name: upstreams, mountPath: /run/upstreams }
{{- end }}
{{- end -}}
