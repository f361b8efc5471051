// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// StoreStatefulSet is the set of stores.
func StoreStatefulSet(c *v1alpha1.CellCluster, replicas int32, launcherImage string) (*appsv1.StatefulSet, error) {
	plan, err := encodePlan(c, storePlan(c))
	if err != nil {
		return nil, err
	}
	return statefulSet(c, component{
		name: naming.Store,
		spec: &c.Spec.Store.ComponentSpec,
		plan: plan,
		ports: []corev1.ContainerPort{
			port(naming.PortRaft, naming.StoreRaftPort),
			port(naming.PortClient, naming.StoreClientPort),
		},
		volumes: []corev1.Volume{podInfoVolume()},
		mounts: []corev1.VolumeMount{
			dataMount(),
			{Name: naming.PodInfoVolume, MountPath: naming.PodInfoDir, ReadOnly: true},
		},
		// The port opens once PD has accepted the store. There is no liveness
		// probe: a store that replays its log is not dead.
		readiness: &corev1.Probe{
			ProbeHandler:  tcpProbe(naming.StoreClientPort),
			PeriodSeconds: 3, TimeoutSeconds: 3, SuccessThreshold: 1, FailureThreshold: 3,
		},
		storageClass: c.Spec.Store.StorageClassName,
		annotations:  map[string]string{naming.AnnotationHeartbeat: c.Spec.Store.Config.StoreHeartbeatInterval.Duration.String()},
	}, replicas, launcherImage), nil
}

// StoreHeartbeat is how often the store in a pod reports to PD; 0 if its template did not say. It
// differs from the spec's interval until the pod has been restarted.
func StoreHeartbeat(p *corev1.Pod) time.Duration {
	d, err := time.ParseDuration(p.Annotations[naming.AnnotationHeartbeat])
	if err != nil {
		return 0
	}
	return d
}

func storePlan(c *v1alpha1.CellCluster) launch.Plan {
	config := c.Spec.Store.Config
	args := []string{
		"-pd=" + strings.Join(pdAddresses(c), ","),
		"-data=" + naming.DataDir,
		"-zone=${ZONE}",
		"-rack=${RACK}",
		fmt.Sprintf("-addr=${HOST}:%d", naming.StoreRaftPort),
		fmt.Sprintf("-addr-cli=${HOST}:%d", naming.StoreClientPort),
		"-interval-heartbeat-store=" + seconds(config.StoreHeartbeatInterval.Duration),
		"-interval-heartbeat-cell=" + seconds(config.CellHeartbeatInterval.Duration),
		fmt.Sprintf("-interval-raft-tick=%d", max(config.RaftTickInterval.Milliseconds(), 1)),
		"-limit-peer-down=" + seconds(config.PeerDownTime.Duration),
		"-capacity-cell=" + strconv.FormatInt(*config.CellCapacity, 10),
		"-log-level=" + string(config.LogLevel),
	}
	if *config.SyncLog {
		args = append(args, "-enable-sync-raftlog")
	}
	return launch.Plan{
		Component: launch.Store,
		Program:   "/usr/local/bin/cell",
		Args:      append(args, c.Spec.Store.ExtraArgs...),
		Host:      naming.Host(c.Namespace, c.Name, naming.Store, "${POD_NAME}"),
		Location:  true,
		WaitFor:   []string{pdAddress(c)},
	}
}

// pdListLength is how often PD's Service is named in the lists that stores and
// proxies get. They give PD up for good after one failed pass over the list,
// about 5 s an entry, so this is how long an outage of PD they bear.
const pdListLength = 8

func pdAddresses(c *v1alpha1.CellCluster) []string {
	return slices.Repeat([]string{pdAddress(c)}, pdListLength)
}

// pdAddress is where stores and proxies reach PD, whatever its members are.
func pdAddress(c *v1alpha1.CellCluster) string {
	return fmt.Sprintf("%s:%d", naming.ServiceHost(c.Namespace, c.Name, naming.PD), naming.PDRPCPort)
}

func podInfoVolume() corev1.Volume {
	return corev1.Volume{Name: naming.PodInfoVolume, VolumeSource: corev1.VolumeSource{
		DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{{
			Path:     "annotations",
			FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.annotations"},
		}}},
	}}
}

func tcpProbe(number int32) corev1.ProbeHandler {
	return corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(number)}}
}
