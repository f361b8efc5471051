{{- /*
Copyright 2026 The Cell Operator Authors.
SPDX-License-Identifier: Apache-2.0
*/ -}}

{{- /* The name of everything that belongs to the controller manager in a namespace. It is
fixed, so that a second operator for the same namespace is refused by helm. */ -}}
{{- define "cell-operator.name" -}}
cell-controller-manager
{{- end }}

{{- /* The name of its objects outside of namespaces: one for each release. */ -}}
{{- define "cell-operator.clusterName" -}}
{{ .Release.Namespace }}:{{ .Release.Name }}:cell-controller-manager
{{- end }}

{{- define "cell-operator.selectorLabels" -}}
app.kubernetes.io/name: cell-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller-manager
{{- end }}

{{- define "cell-operator.labels" -}}
{{ include "cell-operator.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The namespaces to look after, as a JSON list; an empty one means all. */ -}}
{{- define "cell-operator.namespaces" -}}
{{- if .Values.namespaces -}}
{{ .Values.namespaces | sortAlpha | toJson }}
{{- else if .Values.clusterScoped -}}
[]
{{- else -}}
{{ list .Release.Namespace | toJson }}
{{- end -}}
{{- end }}

{{- /* "true" if the operator may see nodes, persistent volumes and storage classes. */ -}}
{{- define "cell-operator.clusterResources" -}}
{{- with .Values.clusterPermissions -}}
{{ and .nodes .persistentvolumes .storageclasses }}
{{- end -}}
{{- end }}

{{- /* The security contexts of pods and of containers. The defaults stand here as well, for
helm --reuse-values of a release before they were values: no pod must run without. */ -}}
{{- define "cell-operator.podSecurityContext" -}}
{{- if hasKey .Values "podSecurityContext" -}}
{{ toYaml .Values.podSecurityContext }}
{{- else -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}
{{- end }}

{{- define "cell-operator.securityContext" -}}
{{- if hasKey .Values "securityContext" -}}
{{ toYaml .Values.securityContext }}
{{- else -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
{{- end }}

{{- /* 90 % of a memory limit in bytes, for GOMEMLIMIT; empty without a limit. */ -}}
{{- define "cell-operator.goMemLimit" -}}
{{- with (.Values.controllerManager.resources.limits).memory -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $text := . | toString -}}
{{- $number := regexFind "^[0-9.]+([eE][+]?[0-9]+)?" $text -}}
{{- $unit := trimPrefix $number $text -}}
{{- if hasKey $units $unit -}}
{{ mulf $number (get $units $unit) 0.9 | int64 }}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* Refuses combinations of values that the schema cannot tell. */ -}}
{{- define "cell-operator.validate" -}}
{{- $cm := .Values.controllerManager -}}
{{- if and (gt (int $cm.replicas) 1) (not $cm.leaderElection.enabled) -}}
{{- fail "controllerManager.leaderElection.enabled is false with more than one replica, and all would work at once; set it to true, or controllerManager.replicas to 1" -}}
{{- end -}}
{{- if and $cm.metrics.serviceMonitor.enabled (not $cm.metrics.service.enabled) -}}
{{- fail "controllerManager.metrics.serviceMonitor.enabled needs the Service; set controllerManager.metrics.service.enabled to true" -}}
{{- end -}}
{{- if and $cm.pprof.enabled (eq (int $cm.pprof.port) (int $cm.metrics.port)) -}}
{{- fail "controllerManager.pprof.port and controllerManager.metrics.port are the same; change one of them" -}}
{{- end -}}
{{- with .Values.clusterPermissions -}}
{{- if and (or .nodes .persistentvolumes .storageclasses) (not (and .nodes .persistentvolumes .storageclasses)) -}}
{{- fail "clusterPermissions grants only some of nodes, persistentvolumes and storageclasses, but the operator uses them together; set all three to true, or all three to false" -}}
{{- end -}}
{{- end -}}
{{- end }}
