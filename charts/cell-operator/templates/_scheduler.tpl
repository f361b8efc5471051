{{- /*
Copyright 2026 The Cell Operator Authors.
SPDX-License-Identifier: Apache-2.0
*/ -}}

{{- /* The name of what belongs to the scheduler in the release's namespace, its lease too. */ -}}
{{- define "cell-operator.scheduler.name" -}}
cell-scheduler
{{- end }}

{{- /* The name of its objects outside of namespaces: one for each scheduler's name, so that helm
refuses a second scheduler for the same pods. */ -}}
{{- define "cell-operator.scheduler.clusterName" -}}
deepfabric.com:{{ .Values.scheduler.schedulerName }}
{{- end }}

{{- define "cell-operator.scheduler.selectorLabels" -}}
app.kubernetes.io/name: cell-scheduler
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cell-operator.scheduler.labels" -}}
{{ include "cell-operator.scheduler.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The service account, as the subject of each binding. */ -}}
{{- define "cell-operator.scheduler.subjects" -}}
- kind: ServiceAccount
  name: {{ .Values.scheduler.serviceAccount }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- /* kube-scheduler's image; without a tag that of the cluster's own version. */ -}}
{{- define "cell-operator.scheduler.image" -}}
{{- with .Values.scheduler.kubeScheduler -}}
{{ .image }}:{{ .tag | default (regexFind "^v[0-9]+[.][0-9]+[.][0-9]+" $.Capabilities.KubeVersion.Version) }}
{{- end -}}
{{- end }}

{{- /* kube-scheduler's configuration. */ -}}
{{- define "cell-operator.scheduler.config" -}}
{{- $s := .Values.scheduler -}}
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: true
  resourceNamespace: {{ .Release.Namespace }}
  resourceName: {{ include "cell-operator.scheduler.name" . }}
  leaseDuration: {{ $s.leaderElection.leaseDuration }}
  renewDeadline: {{ $s.leaderElection.renewDeadline }}
  retryPeriod: {{ $s.leaderElection.retryPeriod }}
# All nodes are looked at: in a part of them there may be none that is allowed.
percentageOfNodesToScore: 100
profiles:
  - schedulerName: {{ $s.schedulerName }}
extenders:
  # The other container of the pod.
  - urlPrefix: http://127.0.0.1:{{ $s.extender.port }}/cell-scheduler-extender
    filterVerb: filter
    prioritizeVerb: prioritize
    preemptVerb: preempt
    weight: {{ $s.extender.weight }}
    nodeCacheCapable: true
    ignorable: {{ $s.extender.ignorable }}
    httpTimeout: 5s
{{- end }}

{{- /* Refuses combinations of values that the schema cannot tell. */ -}}
{{- define "cell-operator.scheduler.validate" -}}
{{- with .Values.scheduler -}}
{{- $ports := list (int .kubeScheduler.port) (int .extender.port) (int .extender.httpPort) -}}
{{- if lt (len (uniq $ports)) 3 -}}
{{- fail "scheduler.kubeScheduler.port, scheduler.extender.port and scheduler.extender.httpPort are not all different, but share a pod; change one of them" -}}
{{- end -}}
{{- with .metrics -}}
{{- if and .serviceMonitor.enabled (not .service.enabled) -}}
{{- fail "scheduler.metrics.serviceMonitor.enabled needs the Service; set scheduler.metrics.service.enabled to true" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
