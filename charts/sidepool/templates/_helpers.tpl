{{/* Names. They do not hold the release's name: two controllers in one cluster would both inject. */}}
{{- define "sidepool.name" -}}
{{- .Values.nameOverride | default "sidepool" -}}
{{- end }}

{{- define "sidepool.controller" -}}
{{ include "sidepool.name" . }}-controller
{{- end }}

{{- define "sidepool.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "sidepool.controller" .) -}}
{{- else -}}
{{- required "serviceAccount.name must be given where serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "sidepool.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sidepool.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end }}

{{- define "sidepool.labels" -}}
{{ include "sidepool.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: sidepool
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* One image for the controller and the sidecars. A digest stands above the tag. */}}
{{- define "sidepool.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "sidepool.certManager" -}}
{{- if eq .Values.certificates.provider "cert-manager" }}true{{ end -}}
{{- end }}

{{/* For every container of this chart; the restricted profile asks for all of it. */}}
{{- define "sidepool.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "sidepool.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}
