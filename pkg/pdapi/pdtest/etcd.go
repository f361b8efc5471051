// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdtest

import (
	"context"
	"net/http"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
)

// serveEtcd serves the part of etcd's gRPC interface that PD's client uses: its
// membership. The server is made at the first call, since most PDs never get one.
func (pd *PD) serveEtcd(m *member, w http.ResponseWriter, r *http.Request) {
	pd.mu.Lock()
	if pd.etcd == nil {
		pd.etcd = grpc.NewServer()
		pb.RegisterClusterServer(pd.etcd, &etcdCluster{pd: pd})
	}
	server := pd.etcd
	pd.mu.Unlock()
	server.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), memberKey{}, m)))
}

type memberKey struct{}

type etcdCluster struct {
	pb.UnimplementedClusterServer
	pd *PD
}

// MemberList lists the membership.
func (e *etcdCluster) MemberList(context.Context, *pb.MemberListRequest) (*pb.MemberListResponse, error) {
	e.pd.mu.Lock()
	defer e.pd.mu.Unlock()
	return &pb.MemberListResponse{Header: &pb.ResponseHeader{}, Members: e.pd.etcdMembers()}, nil
}

// MemberAdd adds a member that has not started.
func (e *etcdCluster) MemberAdd(ctx context.Context, r *pb.MemberAddRequest) (*pb.MemberAddResponse, error) {
	pd := e.pd
	pd.mu.Lock()
	defer pd.mu.Unlock()
	if err := pd.mayChange(ctx, nil); err != nil {
		return nil, err
	}
	for _, m := range pd.listed() {
		for _, url := range r.PeerURLs {
			if m.peerURL == url {
				return nil, rpctypes.ErrGRPCPeerURLExist
			}
		}
	}
	added := pd.newMember("", r.PeerURLs[0])
	pd.members = append(pd.members, added)
	pd.memberChange = pd.config.Now()
	return &pb.MemberAddResponse{Header: &pb.ResponseHeader{}, Member: added.pb(), Members: pd.etcdMembers()}, nil
}

// MemberRemove removes a member; its process goes on, as the leader if it led.
func (e *etcdCluster) MemberRemove(ctx context.Context, r *pb.MemberRemoveRequest) (*pb.MemberRemoveResponse, error) {
	pd := e.pd
	pd.mu.Lock()
	defer pd.mu.Unlock()
	for _, m := range pd.listed() {
		if m.id != r.ID {
			continue
		}
		if err := pd.mayChange(ctx, m); err != nil {
			return nil, err
		}
		m.removed = true
		pd.memberChange = pd.config.Now()
		return &pb.MemberRemoveResponse{Header: &pb.ResponseHeader{}, Members: pd.etcdMembers()}, nil
	}
	return nil, rpctypes.ErrGRPCMemberNotFound
}

// mayChange refuses a change through a removed member, without a quorum that
// agrees, shortly after another, and while a member is not up: but one that is not up itself
// may be removed at any time, as it takes nothing from the quorum that there is.
func (pd *PD) mayChange(ctx context.Context, except *member) error {
	if through, ok := ctx.Value(memberKey{}).(*member); ok && through.removed {
		return rpctypes.ErrGRPCStopped
	}
	if pd.config.Quorum && !pd.quorum() {
		return rpctypes.ErrGRPCTimeout
	}
	since := pd.config.Now().Sub(pd.memberChange)
	if !pd.memberChange.IsZero() && since < pd.config.MemberPause {
		return rpctypes.ErrGRPCUnhealthy
	}
	if except != nil && !except.up() {
		return nil
	}
	for _, m := range pd.listed() {
		if m != except && !m.up() {
			return rpctypes.ErrGRPCUnhealthy
		}
	}
	return nil
}

func (m *member) up() bool { return m.running && m.mode != Silent }

// quorum tells whether a majority of the members runs.
func (pd *PD) quorum() bool {
	running := 0
	for _, m := range pd.listed() {
		if m.up() {
			running++
		}
	}
	return 2*running > len(pd.listed())
}

func (pd *PD) etcdMembers() []*pb.Member {
	var list []*pb.Member
	for _, m := range pd.listed() {
		list = append(list, m.pb())
	}
	return list
}

func (m *member) pb() *pb.Member {
	out := &pb.Member{ID: m.id, PeerURLs: []string{m.peerURL}}
	if m.started {
		out.Name, out.ClientURLs = m.name, []string{m.client}
	}
	return out
}
