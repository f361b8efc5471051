// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a follower answers depends on the leader's record alone, and on who asks.
func TestFollowerAnswers(t *testing.T) {
	s := New(Config{Name: "pd1"})
	self := httptest.NewServer(http.HandlerFunc(s.serveAPI))
	defer self.Close()
	leader := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Method+" "+r.URL.RequestURI()+" for "+r.Header.Get(redirector))
	}))
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	defer leader.Close()
	for _, test := range []struct {
		name   string
		record *leaderRecord
		probe  bool
		status int
		body   string
	}{
		{"nobody leads", nil, false, 500, panicText},
		{"the probe", nil, true, 500, "redirect to not leader"},
		{"the leader is dead", &leaderRecord{Name: "pd0", ListenURLs: dead.URL}, false, 500, "redirect failed"},
		{"the leader listens everywhere: the follower asks itself", &leaderRecord{Name: "pd0", ListenURLs: self.URL}, false, 500, "redirect to not leader"},
		{"the leader answers at its first URL", &leaderRecord{Name: "pd0", ListenURLs: leader.URL + "," + dead.URL}, false, 200, "DELETE /pd/api/v1/stores/1?force=1 for pd1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.setObserved(observed{record: test.record})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, self.URL+"/pd/api/v1/stores/1?force=1", nil)
			require.NoError(t, err)
			if test.probe {
				req.Header.Set(redirector, "probe")
			}
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, test.status, resp.StatusCode)
			assert.Contains(t, string(body), test.body)
		})
	}
}
