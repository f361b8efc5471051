{{- /*
Copyright 2026 The Cell Operator Authors.
SPDX-License-Identifier: Apache-2.0
*/ -}}

{{- /* What the operator may do in each namespace that it looks after. Secrets are not in
this list and must never be. A server-side apply is a patch, and a create where nothing is there.
The admission plugin OwnerReferencesPermissionEnforcement asks for update on the owner's
finalizers, and for delete on what gets back a lost owner. */ -}}
{{- define "cell-operator.namespacedRules" -}}
- apiGroups: [deepfabric.com]
  resources: [cellclusters]
  verbs: [list, watch]
- apiGroups: [deepfabric.com]
  resources: [cellclusters/status, cellclusters/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods, persistentvolumeclaims]
  verbs: [get, list, watch, patch, delete]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [apps]
  resources: [statefulsets, deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}

{{- /* What it may do outside of namespaces. */ -}}
{{- define "cell-operator.clusterRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [persistentvolumes]
  verbs: [list, watch, patch]
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [list, watch]
{{- end }}

{{- /* The service account, as the subject of each binding. */ -}}
{{- define "cell-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ .Values.controllerManager.serviceAccount }}
  namespace: {{ .Release.Namespace }}
{{- end }}
