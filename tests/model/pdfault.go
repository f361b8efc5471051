// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// pdTrouble is something that befalls PD for some seconds.
type pdTrouble struct {
	name  string
	begin func(*Run)
	end   func(*Run)
	// lie changes an answer while it lasts; nil where PD tells the truth.
	lie func(path string, body []byte) []byte
}

const (
	troubleLasts = 10
	// restingPoll is for how many seconds the operator may not know of a change in a PD at rest.
	restingPoll = 35
)

func mode(m pdtest.Mode) func(*Run) { return func(r *Run) { r.World.PD.SetModes(m) } }

var nothing = func(*Run) {}

// pdTroubles are all.
var pdTroubles = []pdTrouble{
	{name: "silent", begin: mode(pdtest.Silent), end: mode(pdtest.Well)},
	{name: "talking garbage", begin: mode(pdtest.Garbage), end: mode(pdtest.Well)},
	{name: "refusing with code 1", begin: mode(pdtest.Refusing), end: mode(pdtest.Well)},
	{name: "panicking", begin: mode(pdtest.Panicking), end: mode(pdtest.Well)},
	{name: "leaderless", begin: func(r *Run) { r.World.PD.Expire() }, end: nothing},
	{name: "freshly elected", begin: func(r *Run) { r.World.Reelect() }, end: nothing},
	{name: "not hearing of the stores", begin: nothing, end: nothing, lie: unheard},
	{name: "saying that stores hold nothing", begin: nothing, end: nothing, lie: emptied},
	{name: "losing a store's Down", begin: func(r *Run) {
		for _, s := range r.World.PD.StoreInfos() {
			r.World.PD.RaceNextDown(s.ID)
		}
	}, end: nothing},
}

// troubled brings trouble upon PD at a write.
func troubled(n int, p pdTrouble) Fault {
	struck := -1
	f := atWrite("pd "+p.name+" at", n, Verdict{})
	f.Write = func(r *Run, _ int, w Write) Verdict {
		if w.N == n && struck < 0 && r.World.PD != nil {
			struck = r.Seconds
			p.begin(r)
		}
		return Verdict{}
	}
	f.Second = func(r *Run) {
		if struck >= 0 && r.Seconds == struck+troubleLasts {
			p.end(r)
		}
	}
	f.End = func(r *Run) {
		p.end(r)
		r.pass(restingPoll) // who leads is in the status
	}
	f.PD = func(r *Run, next http.Handler) http.Handler {
		if p.lie == nil || struck < 0 || r.Seconds > struck+troubleLasts {
			return next
		}
		return lying(next, p.lie)
	}
	return f
}

// lying changes what PD answers to questions.
func lying(next http.Handler, lie func(string, []byte) []byte) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodGet {
			next.ServeHTTP(out, q)
			return
		}
		held := httptest.NewRecorder()
		next.ServeHTTP(held, q)
		changed := bytes.NewBuffer(lie(q.URL.Path, held.Body.Bytes()))
		held.Header().Set("Content-Length", fmt.Sprint(changed.Len()))
		held.Body = changed
		replay(out, held)
	})
}

var (
	heartbeat = regexp.MustCompile(`"lastHeartbeatTS":\d+`)
	cellCount = regexp.MustCompile(`"(cellCount|leaderCount)":\d+`)
)

// unheard lets PD have no heartbeat of any store, as a leader that was just elected.
func unheard(path string, body []byte) []byte {
	if path != "/pd/api/v1/stores" {
		return body
	}
	return heartbeat.ReplaceAll(body, []byte(`"lastHeartbeatTS":-62135596800`))
}

// emptied lets PD say of each store that it holds nothing, and of cells all but the truth about their peers.
func emptied(path string, body []byte) []byte {
	switch path {
	case "/pd/api/v1/stores":
		return cellCount.ReplaceAll(body, []byte(`"$1":0`))
	case "/pd/api/v1/cells", "/pd/api/v1/system":
		return body
	}
	if bytes.Contains([]byte(path), []byte("/cells")) {
		empty, err := json.Marshal(map[string]any{"code": 0, "error": "", "value": []any{}})
		if err == nil {
			return empty
		}
	}
	return body
}
