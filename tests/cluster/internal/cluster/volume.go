// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/kubeapi"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
)

// addVolumes makes a node's local volumes: a folder and a PersistentVolume each.
func (c *Cluster) addVolumes(ctx context.Context, api *kubeapi.Client, n plan.Node) error {
	var volumes []kubeapi.Placed
	for i := 1; i <= c.setup().Options.VolumesPerNode; i++ {
		name := kubeapi.VolumeName(n.Name, i)
		folder := c.dirs.Volume(n.Name, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("make volume: %w", err)
		}
		volumes = append(volumes, kubeapi.Volume(name, n.Name, folder))
	}
	return apply(ctx, api, volumes...)
}

// CleanVolumes empties the local volumes whose claim is gone and offers them again. Nobody else does:
// a local volume has no provisioner, so it stays Released (or Failed, where its policy says Delete).
func (c *Cluster) CleanVolumes(ctx context.Context) ([]string, error) {
	api, err := c.client()
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata struct {
				Name   string
				Labels map[string]string
			}
			Spec   struct{ StorageClassName string }
			Status struct{ Phase string }
		}
	}
	if err := api.Get(ctx, "/api/v1/persistentvolumes", &list); err != nil {
		return nil, err
	}
	var cleaned []string
	for _, volume := range list.Items {
		name, node := volume.Metadata.Name, volume.Metadata.Labels["kubernetes.io/hostname"]
		if volume.Spec.StorageClassName != kubeapi.StorageClassName || !freed(volume.Status.Phase) {
			continue
		}
		if _, err := c.node(node); err != nil {
			continue // a volume that somebody else made
		}
		if err := c.renewVolume(ctx, api, name, node); err != nil {
			return cleaned, err
		}
		cleaned = append(cleaned, name)
	}
	return cleaned, nil
}

func freed(phase string) bool { return phase == "Released" || phase == "Failed" }

func (c *Cluster) renewVolume(ctx context.Context, api *kubeapi.Client, name, node string) error {
	if err := api.Delete(ctx, kubeapi.VolumePath(name)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	err := poll(ctx, nil, func(ctx context.Context) error {
		var volume map[string]any
		err := api.Get(ctx, kubeapi.VolumePath(name), &volume)
		if kubeapi.IsNotFound(err) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("volume %s is still being deleted: a finalizer holds it", name)
		}
		return err
	})
	if err != nil {
		return err
	}
	folder := c.dirs.Volume(node, name)
	if err := host.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make volume: %w", err)
	}
	return apply(ctx, api, kubeapi.Volume(name, node, folder))
}
