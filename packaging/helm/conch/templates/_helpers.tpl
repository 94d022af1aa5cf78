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
{{- if lt (int .Values.drainSeconds) 0 }}{{ fail (printf "drainSeconds: got %v, want 0 or more" .Values.drainSeconds) }}{{ end -}}
{{- $least := add (int .Values.drainSeconds) 10 -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) (int $least) }}{{ fail (printf "terminationGracePeriodSeconds: got %v, want %v or more: holders get %v s (drainSeconds) to finish" .Values.terminationGracePeriodSeconds $least .Values.drainSeconds) }}{{ end -}}
{{- if not (has .Values.antiAffinity (list "required" "preferred" "none")) }}{{ fail (printf "antiAffinity: got %q, want required, preferred or none" .Values.antiAffinity) }}{{ end -}}
{{- if and .Values.tls.enabled (not .Values.tls.secretName) }}{{ fail "tls.secretName: got nothing, want the name of a secret; or set tls.enabled to false on a network that is trusted" }}{{ end -}}
{{- end }}
