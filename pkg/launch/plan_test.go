// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pdPlan is a whole valid plan of a PD.
func pdPlan() Plan {
	return Plan{
		Version:   PlanVersion,
		Component: PD,
		Cluster:   "cell/demo",
		Program:   "/usr/local/bin/pd",
		Args: []string{
			"-name=${POD_NAME}",
			"-urls-client=http://${POD_IP}:2379",
			"-addr-rpc=${HOST}:20800",
			"-initial-cluster=${INITIAL_CLUSTER}",
			"-initial-cluster-state=${INITIAL_CLUSTER_STATE}",
		},
		Host:    "${POD_NAME}.demo-pd-peer.cell.svc",
		DataDir: "/var/lib/cell/data",
		Join: &Join{
			State: JoinNew,
			Members: []JoinMember{
				{Name: "demo-pd-0", PeerURL: "http://demo-pd-0.demo-pd-peer.cell.svc:2380", ClientURL: "http://demo-pd-0.demo-pd-peer.cell.svc:2379"},
				{Name: "demo-pd-1", PeerURL: "http://demo-pd-1.demo-pd-peer.cell.svc:2380", ClientURL: "http://demo-pd-1.demo-pd-peer.cell.svc:2379"},
			},
		},
	}
}

func storePlan() Plan {
	return Plan{
		Version:   PlanVersion,
		Component: Store,
		Cluster:   "cell/demo",
		Program:   "/usr/local/bin/cell",
		Args:      []string{"-zone=${ZONE}", "-rack=${RACK}", "-addr=${HOST}:10800"},
		Host:      "${POD_NAME}.demo-store-peer.${POD_NAMESPACE}.svc",
		DataDir:   "/var/lib/cell/data",
		StateDir:  "/var/lib/cell",
		Location:  true,
		WaitFor:   []string{"demo-pd.cell.svc:20800"},
	}
}

func proxyPlan() Plan {
	return Plan{
		Version:   PlanVersion,
		Component: Proxy,
		Cluster:   "cell/demo",
		Program:   "/usr/local/bin/proxy",
		Args:      []string{"-cfg=/etc/cell/proxy/cfg.json"},
		Files: []File{{
			Path: "/etc/cell/proxy/cfg.json", Mode: 0o644,
			Content: `{"addrNotify":"${POD_IP}:9998","supportCMDs":["ping","set"]}`,
		}},
	}
}

func TestEncodeIsReadBackAndSteady(t *testing.T) {
	for _, plan := range []Plan{pdPlan(), storePlan(), proxyPlan()} {
		t.Run(string(plan.Component), func(t *testing.T) {
			text, err := Encode(plan)
			require.NoError(t, err)
			again, err := Encode(plan)
			require.NoError(t, err)
			assert.Equal(t, text, again)

			decoded, err := Decode([]byte(text))
			require.NoError(t, err)
			assert.Equal(t, plan, decoded)
		})
	}
}

// A launcher reads plans of later operators, so the bytes are a contract: a
// change of this file takes a new PlanVersion, unless it only adds a field that
// is left out where it has no value.
func TestEncodeGolden(t *testing.T) {
	text, err := Encode(proxyPlan())
	require.NoError(t, err)
	golden, err := os.ReadFile("testdata/proxy.json")
	require.NoError(t, err)
	assert.Equal(t, string(golden), text)
}

func TestDecodeRefuses(t *testing.T) {
	valid, err := Encode(pdPlan())
	require.NoError(t, err)
	change := func(from, to string) string {
		changed := strings.Replace(valid, from, to, 1)
		require.NotEqual(t, valid, changed)
		return changed
	}
	tests := []struct{ name, plan, want string }{
		{"a newer version", change(`"version": 1`, `"version": 2, "new": {}`), "delete the pod"},
		{"no version", change(`"version": 1,`, ``), "not written by the operator"},
		{"an unknown field", change(`"cluster"`, `"clutser"`), "clutser"},
		{"something behind it", valid + "{}", "after top-level value"},
		{"no JSON", "start pd", "invalid character"},
		{"nothing", "", "unexpected end"},
		{"a bad file mode", change(`"dataDir"`, `"files": [{"path":"/a","mode":"rw","content":""}], "dataDir"`), "octal"},
		{"an invalid plan", change(`"/usr/local/bin/pd"`, `"pd"`), "not an absolute path"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode([]byte(tt.plan))
			require.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, "decode start plan")
		})
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name string
		plan func() Plan
		edit func(*Plan)
		want string
	}{
		{"no component", pdPlan, func(p *Plan) { p.Component = "" }, `component: ""`},
		{"unknown component", pdPlan, func(p *Plan) { p.Component = "etcd" }, `"etcd" is none of`},
		{"a relative program", storePlan, func(p *Plan) { p.Program = "bin/cell" }, "program:"},
		{"a relative data directory", storePlan, func(p *Plan) { p.DataDir = "data" }, "dataDir:"},
		{"location without a place to remember", storePlan, func(p *Plan) { p.StateDir = "" }, "stateDir:"},
		{"an address without port", storePlan, func(p *Plan) { p.WaitFor = []string{"demo-pd"} }, "waitFor[0]:"},
		{"a file nobody could read", proxyPlan, func(p *Plan) { p.Files[0].Mode = 0 }, "files[0].mode"},
		{"a file with more than permissions", proxyPlan, func(p *Plan) { p.Files[0].Mode = 0o4755 }, "files[0].mode"},
		{"a relative file", proxyPlan, func(p *Plan) { p.Files[0].Path = "cfg.json" }, "files[0].path"},
		{"a store that joins", storePlan, func(p *Plan) { p.Join = pdPlan().Join }, "only a PD joins"},
		{"a PD without data", pdPlan, func(p *Plan) { p.DataDir = "" }, "dataDir: a PD's plan"},
		{"unknown state", pdPlan, func(p *Plan) { p.Join.State = "old" }, "join.state"},
		{"no members", pdPlan, func(p *Plan) { p.Join.Members = nil }, "join.members: empty"},
		{"a member twice", pdPlan, func(p *Plan) { p.Join.Members[1] = p.Join.Members[0] }, "join.members[1]"},
		{"a member's URL without port", pdPlan, func(p *Plan) { p.Join.Members[1].PeerURL = "http://a" }, "join.members[1].peerURL"},
		{"a member's URL of another scheme", pdPlan, func(p *Plan) { p.Join.Members[1].ClientURL = "a:1" }, "join.members[1].clientURL"},
		{"unknown placeholder", storePlan, func(p *Plan) { p.Args = []string{"${ZONES}"} }, "args[0] of the start plan: placeholder ${ZONES} is unknown"},
		{"zone without location", storePlan, func(p *Plan) { p.Location = false }, "${ZONE} has no value: the plan must set location"},
		{"host without host", storePlan, func(p *Plan) { p.Host = "" }, "${HOST} has no value"},
		{"initial cluster of a proxy", proxyPlan, func(p *Plan) { p.Files[0].Content = "${INITIAL_CLUSTER}" }, "only a PD has one"},
		{"host in itself", storePlan, func(p *Plan) { p.Host = "${HOST}" }, "host: placeholder ${HOST}"},
		{"an open placeholder", storePlan, func(p *Plan) { p.WaitFor = []string{"${POD_IP:1"} }, "closing brace"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan := tt.plan()
			require.NoError(t, plan.Validate())
			tt.edit(&plan)
			require.ErrorContains(t, plan.Validate(), tt.want)
			_, err := Encode(plan)
			assert.Error(t, err)
		})
	}
}

func TestValidateNamesEverything(t *testing.T) {
	plan := pdPlan()
	plan.Program, plan.DataDir = "pd", ""
	err := plan.Validate()
	require.ErrorContains(t, err, "program")
	assert.ErrorContains(t, err, "dataDir")
}

func TestJoinIsReadBack(t *testing.T) {
	want := *pdPlan().Join
	text, err := EncodeJoin(want)
	require.NoError(t, err)
	golden, err := os.ReadFile("testdata/membership.json")
	require.NoError(t, err)
	assert.Equal(t, string(golden), text)
	got, err := DecodeJoin([]byte(text))
	require.NoError(t, err)
	assert.Equal(t, want, got)

	_, err = EncodeJoin(Join{State: JoinNew})
	require.ErrorContains(t, err, "join.members: empty")
	for bad, says := range map[string]string{
		"":                                 "unexpected end",
		`{"version":2}`:                    "delete the pod",
		`{"version":1,"state":"new"}`:      "join.members: empty",
		`{"version":1,"members":[],"x":1}`: `unknown field "x"`,
	} {
		_, err := DecodeJoin([]byte(bad))
		require.ErrorContains(t, err, "decode PD's membership", bad)
		require.ErrorContains(t, err, says, bad)
	}
}

// A PD's plan may leave the membership to a file of its own.
func TestPDWithoutJoin(t *testing.T) {
	plan := pdPlan()
	plan.Join = nil
	assert.NoError(t, plan.Validate())
}

func TestKey(t *testing.T) {
	assert.Equal(t, "demo-pd-1", Key(PD, "demo-pd-1"))
	assert.Equal(t, "store", Key(Store, "demo-store-1"))
	assert.Equal(t, "proxy", Key(Proxy, "demo-proxy-x"))
}

func FuzzDecode(f *testing.F) {
	for _, plan := range []Plan{pdPlan(), storePlan(), proxyPlan()} {
		text, err := Encode(plan)
		require.NoError(f, err)
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		plan, err := Decode(data)
		if err != nil {
			return
		}
		// Whatever is accepted can be written and means the same.
		text, err := Encode(plan)
		require.NoError(t, err)
		again, err := Decode([]byte(text))
		require.NoError(t, err)
		second, err := Encode(again)
		require.NoError(t, err)
		assert.Equal(t, text, second)
	})
}
