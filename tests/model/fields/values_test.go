// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package fields

const manyEnv = `
- {name: A, value: b}
- {name: FROM_MAP, valueFrom: {configMapKeyRef: {name: map, key: k, optional: true}}}
- {name: FROM_SECRET, valueFrom: {secretKeyRef: {name: secret, key: k, optional: true}}}
- {name: FROM_FIELD, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.uid}}}
- {name: FROM_RESOURCE, valueFrom: {resourceFieldRef: {containerName: pd, resource: limits.cpu, divisor: "1"}}}
- {name: FROM_FILE, valueFrom: {fileKeyRef: {volumeName: launcher, path: env, key: K, optional: true}}}
`

const spreadA = `[{maxSkew: 2, topologyKey: rack, whenUnsatisfiable: DoNotSchedule, minDomains: 2, nodeAffinityPolicy: Ignore, nodeTaintsPolicy: Honor,
  labelSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: In, values: [d]}]}, matchLabelKeys: [pod-template-hash]}]`

const spreadB = `[{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {a: c}}}]`

const nodeTerm = `{matchExpressions: [{key: disk, operator: In, values: [ssd]}], matchFields: [{key: metadata.name, operator: In, values: [node-1]}]}`

const podTerm = `{topologyKey: zone, namespaces: [other], namespaceSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: Exists}, {key: d, operator: In, values: [e]}]},
  labelSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: In, values: [d]}]}, matchLabelKeys: [one], mismatchLabelKeys: [two]}`

const podAffinity = `{requiredDuringSchedulingIgnoredDuringExecution: [` + podTerm + `],
  preferredDuringSchedulingIgnoredDuringExecution: [{weight: 7, podAffinityTerm: ` + podTerm + `}]}`

const affinityA = `{nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [` + nodeTerm + `]},
  preferredDuringSchedulingIgnoredDuringExecution: [{weight: 5, preference: ` + nodeTerm + `}]}}`

const affinityB = `{podAffinity: ` + podAffinity + `, podAntiAffinity: ` + podAffinity + `}`

const windows = `{gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user, hostProcess: false}`

const securityA = `{runAsUser: 1001, runAsGroup: 1002, runAsNonRoot: true, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, privileged: false, procMount: Default,
  capabilities: {add: [NET_BIND_SERVICE], drop: [ALL]}, seLinuxOptions: {level: "s0:c1", role: r, type: t, user: u}, windowsOptions: ` + windows + `,
  seccompProfile: {type: Localhost, localhostProfile: a.json}, appArmorProfile: {type: Localhost, localhostProfile: a}}`

const securityB = `{runAsUser: 2001, seccompProfile: {type: RuntimeDefault}, appArmorProfile: {type: Unconfined}}`

const podSecurityA = `{runAsUser: 1001, runAsGroup: 1002, runAsNonRoot: true, fsGroup: 1003, fsGroupChangePolicy: OnRootMismatch, supplementalGroups: [4, 5],
  supplementalGroupsPolicy: Strict, seLinuxChangePolicy: Recursive, sysctls: [{name: kernel.shm_rmid_forced, value: "1"}],
  seLinuxOptions: {level: "s0:c1", role: r, type: t, user: u}, windowsOptions: ` + windows + `,
  seccompProfile: {type: Localhost, localhostProfile: a.json}, appArmorProfile: {type: Localhost, localhostProfile: a}}`

const podSecurityB = `{runAsUser: 2001, fsGroup: 2003}`

const metricName = `{name: m, selector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: In, values: [d]}]}}`

const autoscaling = `
minReplicas: 2
maxReplicas: 4
metrics:
- {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}
- {type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: "1", value: "2"}}}
- {type: ContainerResource, containerResource: {container: proxy, name: cpu, target: {type: Utilization, averageUtilization: 60}}}
- {type: ContainerResource, containerResource: {container: proxy, name: memory, target: {type: AverageValue, averageValue: 1Gi, value: 2Gi}}}
- {type: Pods, pods: {metric: ` + metricName + `, target: {type: AverageValue, averageValue: "10", value: "20", averageUtilization: 30}}}
- {type: Object, object: {describedObject: {apiVersion: v1, kind: Service, name: s}, metric: ` + metricName + `, target: {type: Value, value: "5", averageUtilization: 6}}}
- {type: Object, object: {describedObject: {apiVersion: v1, kind: Service, name: s}, metric: ` + metricName + `, target: {type: AverageValue, averageValue: "5"}}}
- {type: External, external: {metric: ` + metricName + `, target: {type: Value, value: "5"}}}
- {type: External, external: {metric: ` + metricName + `, target: {type: AverageValue, averageValue: "6", averageUtilization: 7}}}
behavior:
  scaleUp: {stabilizationWindowSeconds: 1, selectPolicy: Max, tolerance: 50m, policies: [{type: Pods, value: 2, periodSeconds: 10}]}
  scaleDown: {stabilizationWindowSeconds: 600, selectPolicy: Min, tolerance: 100m, policies: [{type: Percent, value: 20, periodSeconds: 10}]}
`
