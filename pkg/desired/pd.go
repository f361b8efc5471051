// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"fmt"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// PDStatefulSet is the set of PDs.
func PDStatefulSet(c *v1alpha1.CellCluster, replicas int32, launcherImage string) (*appsv1.StatefulSet, error) {
	plan, err := encodePlan(c, pdPlan(c))
	if err != nil {
		return nil, err
	}
	return statefulSet(c, component{
		name: naming.PD,
		spec: &c.Spec.PD.ComponentSpec,
		plan: plan,
		ports: []corev1.ContainerPort{
			port(naming.PortClient, naming.PDClientPort),
			port(naming.PortPeer, naming.PDPeerPort),
			port(naming.PortRPC, naming.PDRPCPort),
		},
		volumes: []corev1.Volume{startVolume(c)},
		mounts: []corev1.VolumeMount{
			dataMount(),
			{Name: naming.StartVolume, MountPath: naming.StartDir, ReadOnly: true},
		},
		readiness:    pdReadiness(),
		storageClass: c.Spec.PD.StorageClassName,
	}, replicas, launcherImage), nil
}

// pdReadiness asks etcd, on the pod's IP since PD listens nowhere else. There
// is no liveness probe: a PD that catches up or waits for a quorum is not dead.
func pdReadiness() *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: "/health", Port: intstr.FromInt32(naming.PDClientPort), Scheme: corev1.URISchemeHTTP,
		}},
		PeriodSeconds: 3, TimeoutSeconds: 3, SuccessThreshold: 1, FailureThreshold: 3,
	}
}

func pdPlan(c *v1alpha1.CellCluster) launch.Plan {
	config := c.Spec.PD.Config
	args := []string{
		"-name=${POD_NAME}",
		"-data=" + naming.DataDir,
		fmt.Sprintf("-addr-rpc=${HOST}:%d", naming.PDRPCPort),
		// PD takes only IPs here, and followers reach the leader at this very address.
		fmt.Sprintf("-urls-client=http://${POD_IP}:%d", naming.PDClientPort),
		fmt.Sprintf("-urls-peer=http://${POD_IP}:%d", naming.PDPeerPort),
		fmt.Sprintf("-urls-advertise-client=http://${HOST}:%d", naming.PDClientPort),
		fmt.Sprintf("-urls-advertise-peer=http://${HOST}:%d", naming.PDPeerPort),
		"-initial-cluster=${INITIAL_CLUSTER}",
		"-initial-cluster-state=${INITIAL_CLUSTER_STATE}",
		fmt.Sprintf("-limit-replicas=%d", *config.MaxReplicas),
		"-interval-store-down=" + seconds(config.MaxStoreDownTime.Duration),
		"-interval-leader-lease=" + seconds(config.LeaderLease.Duration),
		fmt.Sprintf("-threshold-rate-storage=%d", *config.StorageThreshold),
		"-labels-location=zone,rack",
		"-log-level=" + string(config.LogLevel),
	}
	if l := config.Limits; l != nil {
		args = appendInt(args, "-limit-schedule-leader=", l.Leader)
		args = appendInt(args, "-limit-schedule-cell=", l.Cell)
		args = appendInt(args, "-limit-schedule-replica=", l.Replica)
	}
	return launch.Plan{
		Component: launch.PD,
		Program:   "/usr/local/bin/pd",
		Args:      append(args, c.Spec.PD.ExtraArgs...),
		Host:      naming.Host(c.Namespace, c.Name, naming.PD, "${POD_NAME}"),
	}
}

func encodePlan(c *v1alpha1.CellCluster, p launch.Plan) (string, error) {
	p.Version = launch.PlanVersion
	p.Cluster = c.Namespace + "/" + c.Name
	if p.Component != launch.Proxy {
		p.DataDir, p.StateDir = naming.DataDir, naming.StateDir
	}
	text, err := launch.Encode(p)
	if err != nil {
		return "", fmt.Errorf("make the start plan of %s: %w", p.Component, err)
	}
	return text, nil
}

// seconds rounds up, since 0 would turn a limit off.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

func appendInt(args []string, flag string, value *int32) []string {
	if value == nil {
		return args
	}
	return append(args, flag+strconv.Itoa(int(*value)))
}
