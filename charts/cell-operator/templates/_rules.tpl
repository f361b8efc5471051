{{- /*
Copyright 2026 The Cell Operator Authors.
SPDX-License-Identifier: Apache-2.0
*/ -}}

{{- /* What the operator may do in each namespace that it looks after. Secrets are not in
this list and must never be. */ -}}
{{- define "cell-operator.namespacedRules" -}}
- apiGroups: [deepfabric.com]
  resources: [cellclusters]
  verbs: [get, list, watch]
- apiGroups: [deepfabric.com]
  resources: [cellclusters/status]
  verbs: [get, update, patch]
- apiGroups: [deepfabric.com]
  resources: [cellclusters/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch, delete]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, patch, update, delete]
- apiGroups: [apps]
  resources: [statefulsets, deployments]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, update, delete]
{{ include "cell-operator.eventRules" . }}
{{- end }}

{{- define "cell-operator.eventRules" -}}
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{- /* What it may do outside of namespaces. */ -}}
{{- define "cell-operator.clusterRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [persistentvolumes]
  verbs: [get, list, watch, patch]
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [get, list, watch]
{{- end }}

{{- /* The service account, as the subject of each binding. */ -}}
{{- define "cell-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ .Values.controllerManager.serviceAccount }}
  namespace: {{ .Release.Namespace }}
{{- end }}
