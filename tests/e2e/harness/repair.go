// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
)

// Hasty are a cluster's periods, minutes or an hour by default, made short for
// tests of repairs, and so is the life of what PD's scheduling holds on to.
var Hasty = []string{
	"--set=pd.maxStoreDownTime=40s,store.config.peerDownTime=20s",
	"--set=pd.failover.period=30s,store.failover.period=30s",
	"--set-string=pd.env[0].name=CELL_PD_OPERATOR_TIMEOUT_S,pd.env[0].value=60",
}

// AwaitTrouble waits until the operator has seen what has befallen the cluster, so
// that it is not the Ready of before that is waited for then.
func (c *Cells) AwaitTrouble(t *testing.T) {
	t.Helper()
	Eventually(t, "the operator has seen it", func() error {
		cluster, err := c.Get(t)
		if err != nil {
			return err
		}
		if meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady) {
			return errors.New("the cluster is Ready")
		}
		return nil
	})
}

// Replace asks for the replacement of a member, as the user of a disk that is to be changed does.
func (c *Cells) Replace(t *testing.T, pod string) {
	t.Helper()
	c.w.Kubectl(t, "annotate", "--namespace="+c.Namespace, "persistentvolumeclaim", naming.DataVolume+"-"+pod, naming.AnnotationReplace+"=true")
}

// Member is the id of the PD in a pod, in hexadecimal; "" while PD is not known to have one there.
func (c *Cells) Member(t *testing.T, pod string) string {
	t.Helper()
	cluster, err := c.Get(t)
	if err != nil {
		return ""
	}
	return cluster.Status.PD.Members[pod].ID
}

// AwaitOtherMember waits until a new PD has taken the place of one that was replaced.
func (c *Cells) AwaitOtherMember(t *testing.T, pod, old string, limit time.Duration) {
	t.Helper()
	Within(t, limit, "another PD in pod "+pod, func() error {
		if id := c.Member(t, pod); id == "" || id == old {
			return fmt.Errorf("member %s has not been replaced", old)
		}
		return nil
	})
}

// AwaitOtherStore waits until a new store has taken the place of one that was lost.
func (c *Cells) AwaitOtherStore(t *testing.T, pod string, old uint64, limit time.Duration) {
	t.Helper()
	client := c.PD(t)
	Within(t, limit, "another store in pod "+pod, func() error {
		stores, err := client.Stores(t.Context())
		if err != nil {
			return err
		}
		for _, s := range stores {
			if naming.PodOfHost(s.Address) == pod && s.State == pdapi.Up && s.ID != old {
				return nil
			}
		}
		return fmt.Errorf("store %d has not been replaced", old)
	})
}
