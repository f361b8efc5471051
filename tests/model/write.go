// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
)

// Write is one request of an operator that changes something.
type Write struct {
	// N counts the writes of all operators since the workload began, from 1.
	N int
	// Second is when it was, since the workload began.
	Second int
	// Operator is which one it was of those that ran one after the other, from 1.
	Operator int
	// To is Kubernetes or PD.
	To string
	// Verb is Kubernetes' verb, or what PD is told.
	Verb string
	// Resource and Name are what it changes.
	Resource, Name string
	// Version is Kubernetes' at that moment.
	Version int

	options *metav1.DeleteOptions
	body    any
}

// What writes go to.
const (
	toKubernetes = "Kubernetes"
	toPD         = "PD"
)

// What PD is told.
const (
	initCluster    = "init"
	downStore      = "down"
	tombstoneStore = "tombstone"
	transferLeader = "transfer"
	addMember      = "add"
	removeMember   = "remove"
)

// String is what the write does.
func (w Write) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", w.Verb, w.Resource, w.Name))
}

// destroys tells whether the write takes something away for good.
func (w Write) destroys() bool {
	return w.Verb == "delete" || w.Verb == removeMember || w.Verb == tombstoneStore || w.Verb == downStore
}

// kind is what of a write is the same in each run.
func (w Write) kind() string { return w.Verb + " " + w.Resource }

func kubernetesWrite(r ct.Request) Write {
	return Write{To: toKubernetes, Verb: r.Verb, Resource: r.Resource, Name: r.Name, options: r.Delete, body: r.Body}
}

// pdWrite reads from a request what PD is told; false if it only asks.
func pdWrite(r *http.Request) (Write, bool) {
	w := Write{To: toPD}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/pd/api/v1/"), "/")
	switch {
	case strings.HasSuffix(r.URL.Path, "/MemberAdd"):
		w.Verb, w.Resource = addMember, "member"
	case strings.HasSuffix(r.URL.Path, "/MemberRemove"):
		w.Verb, w.Resource, w.Name = removeMember, "member", removedMember(r)
	case r.Method == http.MethodGet || !strings.HasPrefix(r.URL.Path, "/pd/"):
		return w, false
	case r.Method == http.MethodDelete && r.URL.Query().Has("force"):
		w.Verb, w.Resource, w.Name = tombstoneStore, "store", parts[1]
	case r.Method == http.MethodDelete:
		w.Verb, w.Resource, w.Name = downStore, "store", parts[1]
	case parts[0] == "cells":
		w.Verb, w.Resource, w.Name = transferLeader, "cell", parts[1]
	default:
		w.Verb, w.Resource = initCluster, "system"
	}
	return w, true
}

// removedMember reads from a call of etcd which member is to go, and leaves the call as it was.
func removedMember(r *http.Request) string {
	const prefix = 5 // of a message in gRPC
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var call pb.MemberRemoveRequest
	if err != nil || len(body) < prefix || proto.Unmarshal(body[prefix:], &call) != nil {
		return ""
	}
	return strconv.FormatUint(call.ID, 16)
}
