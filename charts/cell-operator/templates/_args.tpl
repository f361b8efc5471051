{{- /*
Copyright 2026 The Cell Operator Authors.
SPDX-License-Identifier: Apache-2.0
*/ -}}

{{- /* The flags of cell-controller-manager. */ -}}
{{- define "cell-operator.args" -}}
{{- $cm := .Values.controllerManager -}}
- -v={{ $cm.logLevel }}
{{- with include "cell-operator.namespaces" . | fromJsonArray }}
- --namespaces={{ join "," . }}
{{- end }}
- --cluster-resources={{ include "cell-operator.clusterResources" . }}
- --workers={{ $cm.workers }}
{{- with $cm.kubeApi.qps }}
- --kube-api-qps={{ . }}
{{- end }}
{{- with $cm.kubeApi.burst }}
- --kube-api-burst={{ int . }}
{{- end }}
- --launcher-image={{ .Values.launcherImage | default .Values.operatorImage }}
{{- with .Values.defaultStorageClassName }}
- --default-storage-class-name={{ . }}
{{- end }}
- --http-addr=:{{ $cm.metrics.port }}
{{- if $cm.pprof.enabled }}
- --pprof-addr=127.0.0.1:{{ $cm.pprof.port }}
{{- end }}
{{- if $cm.leaderElection.enabled }}
- --leader-elect=true
- --leader-election-namespace={{ .Release.Namespace }}
- --leader-election-id={{ include "cell-operator.name" . }}
- --lease-duration={{ $cm.leaderElection.leaseDuration }}
- --renew-deadline={{ $cm.leaderElection.renewDeadline }}
- --retry-period={{ $cm.leaderElection.retryPeriod }}
{{- else }}
- --leader-elect=false
{{- end }}
{{- range $cm.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}
