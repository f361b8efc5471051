// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// StartConfigMap holds the membership that PD pods start with.
// It is the only thing about a start that changes while pods live: their
// flags are part of the pods themselves.
// What is being replaced stands beside the membership, for the operator alone.
func StartConfigMap(c *v1alpha1.CellCluster, join launch.Join, replacing *Replacing) (*corev1.ConfigMap, error) {
	text, err := launch.EncodeJoin(join)
	if err != nil {
		return nil, fmt.Errorf("make the membership of PD: %w", err)
	}
	data := map[string]string{launch.JoinKey: text}
	if replacing != nil {
		text, err := json.Marshal(replacing)
		if err != nil {
			return nil, fmt.Errorf("make the note of the PD that is being replaced: %w", err)
		}
		data[replacingKey] = string(text)
	}
	return &corev1.ConfigMap{ObjectMeta: meta(c, naming.StartConfigMap(c.Name), ""), Data: data}, nil
}

// Replacing is a PD that is being replaced together with its volume. It is noted before anything is
// destroyed, since afterwards nothing else could tell that the member's data is gone.
type Replacing struct {
	// Pod is the name that the PD keeps.
	Pod string `json:"pod"`
	// Member is the id of the member that goes, in PD's cluster.
	Member uint64 `json:"member,string"`
	// Claim is the UID of the volume claim that goes.
	Claim types.UID `json:"claim"`
}

const replacingKey = "replacing"

// ReplacingIn is the PD that is being replaced by what a ConfigMap of StartConfigMap says; nil if there is none.
func ReplacingIn(m *corev1.ConfigMap) *Replacing {
	if m == nil || m.Data[replacingKey] == "" {
		return nil
	}
	var r Replacing
	if err := json.Unmarshal([]byte(m.Data[replacingKey]), &r); err != nil {
		return nil // edited by hand: nothing is destroyed by it
	}
	return &r
}

// PDMember is the membership entry of an ordinal.
func PDMember(c *v1alpha1.CellCluster, ordinal int32) launch.JoinMember {
	pod := naming.Pod(c.Name, naming.PD, ordinal)
	host := naming.Host(c.Namespace, c.Name, naming.PD, pod)
	return launch.JoinMember{
		Name:      pod,
		PeerURL:   fmt.Sprintf("http://%s:%d", host, naming.PDPeerPort),
		ClientURL: fmt.Sprintf("http://%s:%d", host, naming.PDClientPort),
	}
}

func startVolume(c *v1alpha1.CellCluster) corev1.Volume {
	return corev1.Volume{Name: naming.StartVolume, VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: naming.StartConfigMap(c.Name)},
		},
	}}
}
