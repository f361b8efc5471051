// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

const (
	// heartbeatsMissed is how many heartbeats in a row a live store may miss.
	heartbeatsMissed = 3
	// heartbeatSlack covers the delay of one heartbeat on its way.
	heartbeatSlack = 5 * time.Second
)

// HeartbeatLimit is the age from which a store's heartbeat means that the store is away. It
// goes by what the pods were made with: another interval in the spec counts from their restarts on.
func (c *Cluster) HeartbeatLimit() time.Duration {
	interval := time.Duration(0)
	for _, p := range c.Store.Pods {
		interval = max(interval, desired.StoreHeartbeat(p.Pod))
	}
	return heartbeatsMissed*cmp.Or(interval, c.Object.Spec.Store.Config.StoreHeartbeatInterval.Duration) + heartbeatSlack
}

// PDSilent says why PD's own words cannot be had; it is empty while PD answers
// and has a leader. That is enough to believe what PD says of itself, but not
// what it says of stores: for those see PDUnknown.
func (c *Cluster) PDSilent() string {
	switch {
	case c.State == nil:
		return "PD has not answered yet"
	case c.State.Err != nil:
		return c.silence(c.State.Err)
	case c.State.At.IsZero():
		return "PD has not answered yet"
	case c.ForeignPD() != "":
		return c.ForeignPD()
	case c.Bootstrapped() && !c.State.System.AlreadyBootstrapped:
		// It knows no stores either, and would pass for one whose stores are all gone.
		return "PD's leader has not loaded the cluster yet"
	}
	return ""
}

// silence says in a sentence why PD's words cannot be had. The error itself names
// endpoints in the order in which they were asked, which changes each time.
func (c *Cluster) silence(err error) string {
	switch {
	case errors.Is(err, pdapi.ErrNoLeader):
		text := "no PD leads; an election takes about 7 s"
		if n := len(c.Object.Status.PD.Members); n > 1 {
			text += fmt.Sprintf(", and needs %d of the %d members, with their volumes", n/2+1, n)
		}
		return text
	case errors.Is(err, pdapi.ErrLeaderUnreachable):
		return "PD leads, but its leader does not answer the operator; see what keeps the operator from that PD's node, port 2379"
	case errors.Is(err, pdapi.ErrUnreachable):
		return "no PD answers; look at the PD pods"
	case errors.Is(err, pdapi.ErrGarbage):
		return "what answers at PD's address is no PD; look at spec.pd.image"
	case errors.Is(err, pdapi.ErrNotBootstrapped):
		return "PD says that the cluster is not bootstrapped"
	case errors.Is(err, pdapi.ErrUnknown):
		return "PD answers that it cannot tell"
	}
	return fmt.Sprintf("PD does not answer: %v", err)
}

// PDUnknown says why nothing can be concluded about the stores from what PD
// said last: besides the reasons of PDSilent, its answer may be too old, or its
// leader so young that the stores had no time to report to it. The text holds
// no durations, since it stands in the status.
func (c *Cluster) PDUnknown() string {
	if silent := c.PDSilent(); silent != "" {
		return silent
	}
	if c.State.Known(c.Now) {
		return ""
	}
	if !c.State.TooOld(c.Now) {
		return fmt.Sprintf("PD %s leads only since a moment ago, and not all stores have reported to it yet", cmp.Or(c.PDLeader(), c.State.LeaderEndpoint))
	}
	return "PD's last answer is too old"
}

// Stores are those that PD knew of when it answered last, and that are no tombstones; while PDUnknown says something
// they are no news.
func (c *Cluster) Stores() []pdapi.Store {
	if c.State == nil {
		return nil
	}
	var out []pdapi.Store
	for _, s := range c.State.Stores {
		if s.State != pdapi.Tombstone {
			out = append(out, s)
		}
	}
	return out
}

// UpStores are those that PD may place replicas on and that report to it.
func (c *Cluster) UpStores() []pdapi.Store {
	var out []pdapi.Store
	for _, s := range c.Stores() {
		if s.State == pdapi.Up && c.State.Freshness(&s) == pdstate.Fresh {
			out = append(out, s)
		}
	}
	return out
}

// StorePod is the name of the pod that a store runs in; "" if its address is not one of this cluster.
func (c *Cluster) StorePod(s *pdapi.Store) string {
	pod := naming.PodOfHost(s.Address)
	if !strings.HasPrefix(pod, naming.Member(c.Object.Name, naming.Store)+"-") {
		return ""
	}
	return pod
}

// PDPodOfHost is the PD pod in a URL of PD's membership; "" if it is none of this cluster.
func (c *Cluster) PDPodOfHost(url string) string {
	_, host, found := strings.Cut(url, "://")
	if !found {
		return ""
	}
	pod := naming.PodOfHost(host)
	if !strings.HasPrefix(pod, naming.Member(c.Object.Name, naming.PD)+"-") {
		return ""
	}
	return pod
}

// Bootstrapped tells whether the first store has ever created the first cells,
// as the status remembers it. PD's own word can be lost with its data.
func (c *Cluster) Bootstrapped() bool { return c.Object.Status.Bootstrapped }

// PDLeader is the pod whose PD leads; "" while that is not known.
func (c *Cluster) PDLeader() string {
	if c.PDSilent() != "" {
		return ""
	}
	for _, p := range c.PD.Pods {
		if p.Status.PodIP != "" && c.State.LeaderEndpoint == PDEndpoint(p.Pod) {
			return p.Name
		}
	}
	return ""
}

// PDEndpoint is the client URL of the PD in a pod. It goes by IP, as PD listens
// by IP, and a name may still be unknown to DNS.
func PDEndpoint(p *corev1.Pod) string {
	return "http://" + net.JoinHostPort(p.Status.PodIP, strconv.Itoa(naming.PDClientPort))
}

// ClusterID is the id of PD's cluster, in hexadecimal; "" while it is not known.
func (c *Cluster) ClusterID() string {
	if c.State == nil {
		return ""
	}
	for _, m := range c.State.Members {
		if m.ClusterID != 0 {
			return strconv.FormatUint(m.ClusterID, 16)
		}
	}
	return ""
}

// ForeignPD says that PD answers for another cluster than the one whose id the
// status remembers, so that its data was lost and a new cluster formed; it is
// empty while all is well.
func (c *Cluster) ForeignPD() string {
	was, is := c.Object.Status.ClusterID, c.ClusterID()
	if was == "" || is == "" || was == is {
		return ""
	}
	return fmt.Sprintf("PD's cluster id is %s and was %s: PD has lost its data and begun anew; nothing is done to this cluster until PD's volumes are restored", is, was)
}

// PDPodOfMember is the pod of a PD member, by its peer URL, since a member that
// was added and has not started yet has no name; "" if it is none of this cluster.
func (c *Cluster) PDPodOfMember(m *pdapi.Member) string {
	for _, url := range m.PeerURLs {
		if pod := c.PDPodOfHost(url); pod != "" {
			return pod
		}
	}
	return ""
}
