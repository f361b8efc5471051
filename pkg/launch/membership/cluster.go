// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
)

// plannedCluster is -initial-cluster as the plan has it. A PD with data does not
// use it, but wants its own name in it.
func plannedCluster(j launch.Join) string {
	entries := make([]string, 0, len(j.Members))
	for _, m := range j.Members {
		entries = append(entries, m.Name+"="+m.PeerURL)
	}
	return strings.Join(entries, ",")
}

// listedCluster is -initial-cluster for a joining PD: exactly the members that
// the cluster has, or etcd refuses to join. Names need only differ; an unnamed
// member, added and not yet started, gets the plan's name or one of its id.
func listedCluster(members []Member, j launch.Join, self launch.JoinMember) string {
	taken := map[string]bool{self.Name: true}
	var entries []string
	for _, m := range members {
		name := m.Name
		if isSelf := has(m, self.PeerURL); isSelf {
			name = self.Name
		} else {
			if name == "" {
				name = plannedName(m, j)
			}
			if name == "" || taken[name] {
				name = fmt.Sprintf("member-%x", m.ID)
			}
			taken[name] = true
		}
		for _, u := range m.PeerURLs {
			entries = append(entries, name+"="+u)
		}
	}
	return strings.Join(entries, ",")
}

func plannedName(m Member, j launch.Join) string {
	for _, planned := range j.Members {
		if has(m, planned.PeerURL) {
			return planned.Name
		}
	}
	return ""
}

func has(m Member, peerURL string) bool {
	_, ok := byPeerURL([]Member{m}, peerURL)
	return ok
}

// hosts are the names in the members' peer URLs.
func hosts(members []Member) []string {
	var hosts []string
	for _, m := range members {
		for _, raw := range m.PeerURLs {
			if u, err := url.Parse(raw); err == nil && u.Hostname() != "" {
				hosts = append(hosts, u.Hostname())
			}
		}
	}
	return hosts
}
