{{- define "conch.name" -}}
{{- if contains "conch" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-conch" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "conch.selector" -}}
app.kubernetes.io/name: conch
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "conch.labels" -}}
{{ include "conch.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The domain in which the pods have their names. */ -}}
{{- define "conch.domain" -}}
{{ include "conch.name" . }}-members.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}

{{- /* All members, HOST:PORT,... */ -}}
{{- define "conch.members" -}}
{{- $root := . -}}
{{- range $i, $_ := until (int .Values.replicas) -}}
{{- if $i }},{{ end }}{{ include "conch.name" $root }}-{{ $i }}.{{ include "conch.domain" $root }}:{{ $root.Values.port }}
{{- end -}}
{{- end }}

{{- define "conch.check" -}}
{{- if lt (int .Values.replicas) 1 }}{{ fail (printf "replicas: got %v, want 1 or more, an odd number" .Values.replicas) }}{{ end -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) 40 }}{{ fail (printf "terminationGracePeriodSeconds: got %v, want 40 or more: holders get 30 s to finish" .Values.terminationGracePeriodSeconds) }}{{ end -}}
{{- if not (has .Values.antiAffinity (list "required" "preferred" "none")) }}{{ fail (printf "antiAffinity: got %q, want required, preferred or none" .Values.antiAffinity) }}{{ end -}}
{{- if and .Values.tls.enabled (not .Values.tls.secretName) }}{{ fail "tls.secretName: got nothing, want the name of a secret; or set tls.enabled to false on a network that is trusted" }}{{ end -}}
{{- end }}
