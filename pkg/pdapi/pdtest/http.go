// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdtest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const (
	ownHeader = "PD-Redirector"
	apiPath   = "/pd/api/v1/"

	panicText = "PANIC: runtime error: invalid memory address or nil pointer dereference\ngoroutine 1 [running]:\n"
)

// Handler serves one member, with HTTP and, where the server speaks HTTP/2, etcd's membership over gRPC.
func (pd *PD) Handler(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pd.serve(name, w, r) })
}

func (pd *PD) serve(name string, w http.ResponseWriter, r *http.Request) {
	pd.mu.Lock()
	m := pd.member(name)
	mode, changed, running, removed := m.mode, m.changed, m.running, m.removed || pd.config.Quorum && !pd.quorum()
	pd.mu.Unlock()
	if !running {
		panic(http.ErrAbortHandler) // a connection from before the process ended breaks
	}
	pd.record(name, r)
	switch {
	case mode == Silent:
		select {
		case <-r.Context().Done():
		case <-changed:
		}
		panic(http.ErrAbortHandler)
	case r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
		pd.serveEtcd(m, w, r)
		return
	}
	// All of PD's times go by the test's clock.
	w.Header().Set("Date", pd.config.Now().UTC().Format(http.TimeFormat))
	switch {
	case mode == Garbage:
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html><body>It works!</body></html>")
	case strings.HasPrefix(r.URL.Path, apiPath):
		pd.serveAPI(m, mode, w, r)
	case r.URL.Path == "/health" && removed:
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"health":"false"}`)
	case r.URL.Path == "/health":
		io.WriteString(w, `{"health":"true"}`)
	case r.URL.Path == "/version":
		io.WriteString(w, `{"etcdserver":"3.3.17","etcdcluster":"3.3.0"}`)
	case r.URL.Path == "/v2/members":
		pd.mu.Lock()
		defer pd.mu.Unlock()
		w.Header().Set("X-Etcd-Cluster-Id", strconv.FormatUint(pd.config.ClusterID, 16))
		writeJSON(w, pd.memberList())
	default:
		http.NotFound(w, r)
	}
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// serveAPI answers for the leader: as the leader, or as a follower that forwards to it.
func (pd *PD) serveAPI(m *member, mode Mode, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	pd.mu.Lock()
	defer pd.mu.Unlock()
	switch mode {
	case Panicking:
		http.Error(w, panicText, http.StatusInternalServerError)
		return
	case Refusing:
		writeJSON(w, wireEnvelope{Code: 1, Error: "refused by the test"})
		return
	}
	if text := pd.cannotForward(m, r.Header.Get(ownHeader) != ""); text != "" {
		http.Error(w, text, http.StatusInternalServerError)
		return
	}
	value, err := pd.answer(r.Method, strings.TrimPrefix(r.URL.Path, apiPath), r.URL.Query().Has("force"), body)
	switch {
	case errors.Is(err, errNil):
		http.Error(w, panicText, http.StatusInternalServerError)
	case errors.Is(err, errPath):
		http.NotFound(w, r)
	case err != nil:
		writeJSON(w, wireEnvelope{Code: 1, Error: err.Error()})
	default:
		writeJSON(w, wireEnvelope{Value: value})
	}
}

// cannotForward is why a member cannot answer for the leader, "" if it can.
func (pd *PD) cannotForward(m *member, own bool) string {
	switch {
	case pd.leader == m.name:
		return ""
	case own:
		return "redirect to not leader"
	case m.removed || pd.leader == "":
		return panicText
	}
	leader := pd.member(pd.leader)
	switch {
	case leader.anyAddress:
		return "redirect to not leader" // it called itself
	case !leader.running || leader.mode == Silent:
		return "redirect failed"
	}
	return ""
}

var (
	errNil          = errors.New("nil pointer")
	errPath         = errors.New("no such path")
	errNotBoot      = errors.New("cluster not bootstrapped")
	errBootstrapped = errors.New("cluster is already bootstrapped")
)

// answer is the API proper.
func (pd *PD) answer(method, path string, force bool, body []byte) (any, error) {
	parts := strings.Split(path, "/")
	if parts[0] == "system" && len(parts) == 1 {
		if method == http.MethodPost {
			return nil, pd.initCluster(body)
		}
		return pd.system(), nil
	}
	if !pd.bootstrapped {
		return nil, errNotBoot
	}
	if len(parts) == 1 {
		switch parts[0] {
		case "stores":
			return pd.storeList(), nil
		case "cells":
			return pd.cellList(0), nil
		case "operators":
			return pd.operatorList(), nil
		}
		return nil, errPath
	}
	id, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return nil, err
	}
	switch method + " " + parts[0] + "/" + strings.Join(parts[2:], "/") {
	case "GET stores/":
		return pd.oneStore(id)
	case "DELETE stores/":
		if force {
			return nil, pd.end(id)
		}
		return nil, pd.takeDown(id)
	case "GET stores/cells":
		return pd.cellList(id), nil
	case "GET cells/":
		return pd.oneCell(id)
	case "PUT cells/leader":
		return nil, pd.putLeader(body)
	}
	return nil, errPath
}

func (pd *PD) initCluster(body []byte) error {
	if pd.bootstrapped {
		return errBootstrapped
	}
	var params wireInit
	if err := json.Unmarshal(body, &params); err != nil {
		return err
	}
	pd.init = &params
	return nil
}

// putLeader goes by the body; the id in the path is ignored.
func (pd *PD) putLeader(body []byte) error {
	var order struct {
		CellID   uint64 `json:"cellId"`
		ToPeerID uint64 `json:"toPeerId"`
	}
	if err := json.Unmarshal(body, &order); err != nil {
		return err
	}
	return pd.transfer(order.CellID, order.ToPeerID)
}

// oneStore and oneCell follow a nil pointer for an id that is not there.
func (pd *PD) oneStore(id uint64) (any, error) {
	for _, s := range pd.storeList() {
		if s.Meta.ID == id {
			return s, nil
		}
	}
	return nil, errNil
}

func (pd *PD) oneCell(id uint64) (any, error) {
	for _, c := range pd.cells {
		if c.id == id {
			return pd.wireCell(c), nil
		}
	}
	return nil, errNil
}
