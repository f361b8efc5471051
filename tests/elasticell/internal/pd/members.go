// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"go.etcd.io/raft/v3"
)

// etcd 3.7 has no v2 API; these paths answer in the form of the etcd 3.3 that Elasticell embeds.

// serveHealth says how etcd is. It says nothing about the PD role: true without any PD leader, false on a removed member.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	status, body := http.StatusOK, `{"health":"true"}`
	if !s.healthy(r.Context()) {
		status, body = http.StatusServiceUnavailable, `{"health":"false"}`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func (s *Server) healthy(ctx context.Context) bool {
	if s.backend.stopped() || uint64(s.backend.etcd.Server.Leader()) == raft.None {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := s.backend.local.Get(ctx, "health")
	return err == nil
}

type memberJSON struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	PeerURLs   []string `json:"peerURLs"`
	ClientURLs []string `json:"clientURLs"`
}

// serveMembers lists the members as this one knows them. One that was added and never started has no name.
func (s *Server) serveMembers(w http.ResponseWriter, _ *http.Request) {
	members := []memberJSON{}
	for _, m := range s.backend.etcd.Server.Cluster().Members() {
		members = append(members, memberJSON{m.ID.String(), m.Name, nonNil(m.PeerURLs), nonNil(m.ClientURLs)})
	}
	writeJSON(w, map[string]any{"members": members})
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// serveSelf answers etcd's own statistics: who this member is and whether it leads in raft.
func (s *Server) serveSelf(w http.ResponseWriter, _ *http.Request) {
	server := s.backend.etcd.Server
	state := "StateFollower"
	if server.Leader() == server.MemberID() {
		state = "StateLeader"
	}
	writeJSON(w, map[string]any{
		"name": s.cfg.Name, "id": server.MemberID().String(), "state": state,
		"leaderInfo": map[string]any{"leader": server.Leader().String()},
	})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
