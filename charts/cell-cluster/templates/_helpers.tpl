{{- /*
Copyright 2026 The Cell Operator Authors.
SPDX-License-Identifier: Apache-2.0
*/ -}}

{{- define "cell-cluster.labels" -}}
app.kubernetes.io/name: cell-cluster
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Prints as YAML those keys of .from that are in the list .keys and have a value. Empty
texts, lists and maps count as no value, so that the operator's defaults stay in force;
false and 0 are values. */ -}}
{{- define "cell-cluster.fields" -}}
{{- $out := dict -}}
{{- range $key := .keys -}}
{{- $value := get $.from $key -}}
{{- if and (hasKey $.from $key) (or $value (has (kindOf $value) (list "bool" "int" "int64" "float64"))) -}}
{{- $_ := set $out $key $value -}}
{{- end -}}
{{- end -}}
{{- with $out }}{{ toYaml . }}{{ end -}}
{{- end }}

{{- /* Prints a map of quantities with all of them as texts, since the API takes no fractions. */ -}}
{{- define "cell-cluster.quantities" -}}
{{- range $name, $quantity := . -}}
{{- if and (kindIs "float64" $quantity) (eq $quantity (floor $quantity)) }}{{ $quantity = int64 $quantity }}{{ end -}}
{{ $name }}: {{ $quantity | toString | quote }}
{{ end -}}
{{- end }}

{{- /* Prints the spec of one component. In: .values, the component's values; .config, those of
them that belong to spec.<component>.config; .keys, the component's fields beyond those
that pd, store and proxy share. */ -}}
{{- define "cell-cluster.component" -}}
{{- $shared := list "replicas" "image" "imagePullPolicy" "nodeSelector" "nodeSelectorRequired"
    "tolerations" "affinity" "topologySpreadConstraints" "annotations" "labels" "env"
    "priorityClassName" "imagePullSecrets" "securityContext" "podSecurityContext"
    "terminationGracePeriodSeconds" "extraArgs" -}}
{{- $spec := include "cell-cluster.fields" (dict "from" .values "keys" (concat $shared .keys)) | fromYaml -}}
{{- range $key := list "requests" "limits" -}}
{{- with get ($.values.resources | default dict) $key -}}
{{- $_ := set $spec $key (include "cell-cluster.quantities" . | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- $config := include "cell-cluster.fields" (dict "from" .values "keys" .config) | fromYaml -}}
{{- with merge (dict) $config (.values.config | default dict) -}}
{{- $_ := set $spec "config" . -}}
{{- end -}}
{{- range $key := list "service" "locationLabels" -}}
{{- $fields := get $spec $key | default dict -}}
{{- $_ := unset $spec $key -}}
{{- with include "cell-cluster.fields" (dict "from" $fields "keys" (keys $fields)) | fromYaml -}}
{{- $_ := set $spec $key . -}}
{{- end -}}
{{- end -}}
{{ toYaml $spec }}
{{- end }}

{{- /* The type that the proxies' Service has in the end. */ -}}
{{- define "cell-cluster.proxyServiceType" -}}
{{- $type := "ClusterIP" -}}
{{- range .Values.services -}}
{{- if eq .name "proxy" }}{{ $type = .type | default $type }}{{ end -}}
{{- end -}}
{{ (.Values.proxy.service).type | default $type }}
{{- end }}
