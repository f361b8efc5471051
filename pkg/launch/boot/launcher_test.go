// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
)

func proxyPlan(f *fixture) launch.Plan {
	return launch.Plan{
		Component: launch.Proxy,
		Program:   "/usr/local/bin/proxy",
		Args:      []string{"-cfg", f.path("proxy/cfg.json")},
		Files: []launch.File{{
			Path: f.path("proxy/cfg.json"), Mode: 0o640, Content: `{"addrNotify":"${POD_IP}:9998"}`,
		}},
	}
}

func TestStartsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.Proxy, "demo-proxy-x")
		f.writePlan(proxyPlan(f))
		f.run()
		f.started("-cfg", f.path("proxy/cfg.json"))
		assert.Zero(t, f.execAt)

		content, err := os.ReadFile(f.path("proxy/cfg.json"))
		require.NoError(t, err)
		assert.Equal(t, `{"addrNotify":"10.0.0.1:9998"}`, string(content))
		info, err := os.Stat(f.path("proxy/cfg.json"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o640), info.Mode())
	})
}

func TestIPv6StandsInBrackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.Proxy, "demo-proxy-x")
		f.launcher.Pod.IP = "fd00::1"
		f.writePlan(proxyPlan(f))
		f.run()
		f.started("-cfg", f.path("proxy/cfg.json"))

		content, err := os.ReadFile(f.path("proxy/cfg.json"))
		require.NoError(t, err)
		assert.Equal(t, `{"addrNotify":"[fd00::1]:9998"}`, string(content))
	})
}

// The environment goes before the file, which is not even looked at.
func TestPlanFromTheEnvironment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.Proxy, "demo-proxy-x")
		f.writePlan(proxyPlan(f))
		text, err := os.ReadFile(f.path("plan"))
		require.NoError(t, err)
		f.write("plan", "{")
		f.launcher.PlanText = string(text)
		f.run()
		f.started("-cfg", f.path("proxy/cfg.json"))

		f = newFixture(t, launch.Proxy, "demo-proxy-x")
		f.launcher.PlanText = "{"
		f.run()
		f.failed("the environment's CELL_PLAN: decode start plan")
	})
}

func TestWaitsForThePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.Proxy, "demo-proxy-x")
		f.run()
		f.waitsFor("start plan, " + f.path("plan"))
		f.wait(time.Minute)
		f.waitsFor("still waiting")
		f.writePlan(proxyPlan(f))
		f.wait(time.Second)
		f.started("-cfg", f.path("proxy/cfg.json"))
	})
}

// Each wait is said when it begins and then each 10 s, however often is looked.
func TestSaysWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.Proxy, "demo-proxy-x")
		f.run()
		require.Len(t, f.lines(), 1)
		f.wait(9 * time.Second)
		require.Len(t, f.lines(), 1)
		f.wait(time.Second)
		require.Len(t, f.lines(), 2)
		assert.Contains(t, f.lines()[1], "waited=10s")

		plan := proxyPlan(f)
		plan.WaitFor = []string{"pd:20800"}
		f.writePlan(plan)
		f.wait(time.Second)
		require.Len(t, f.lines(), 3)
		assert.Contains(t, f.lines()[2], `msg=waiting for="pd:20800 to accept connections" now="dial pd:20800: connection refused"`)
		f.wait(20 * time.Second)
		require.Len(t, f.lines(), 5)
		assert.Contains(t, f.lines()[4], "waited=20s")
	})
}

func TestStopsWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.Proxy, "demo-proxy-x")
		f.run()
		f.stop()
		f.wait(0)
		require.True(t, f.done)
		require.NoError(t, f.err)
		assert.Empty(t, f.execed)
		assert.Contains(t, f.log.String(), "told to stop while waiting")
	})
}

func TestFails(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*fixture)
		want    string
	}{
		{"a plan that is none", func(f *fixture) { f.write("plan", "{") }, "decode start plan"},
		{"a plan of a later release", func(f *fixture) { f.write("plan", `{"version":2}`) }, "delete the pod"},
		{"another component's plan", func(f *fixture) {
			f.launcher.Component = launch.Store
			f.writePlan(proxyPlan(f))
		}, "the plan starts a proxy, but this pod is a store of cluster cell/demo"},
		{"a plan that cannot be read", func(f *fixture) { require.NoError(f, os.Mkdir(f.path("plan"), 0o755)) }, "read this pod's start plan"},
		{"no program", func(f *fixture) {
			f.execErr = errors.New("no such file or directory")
			f.writePlan(proxyPlan(f))
		}, "start /usr/local/bin/proxy: no such file or directory: check that the component's image has this program"},
		{"a file that cannot be written", func(f *fixture) {
			f.write("proxy", "not a directory")
			f.writePlan(proxyPlan(f))
		}, "start plan: mkdir"},
		{"a value that the pod does not give", func(f *fixture) {
			f.launcher.Pod.Namespace = ""
			plan := proxyPlan(f)
			plan.Args = []string{"${POD_NAMESPACE}"}
			f.writePlan(plan)
		}, "metadata.namespace"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, launch.Proxy, "demo-proxy-x")
				tt.prepare(f)
				f.run()
				f.failed(tt.want)
			})
		})
	}
}

func TestPodFromEnv(t *testing.T) {
	env := map[string]string{"POD_NAME": "demo-pd-0", "POD_NAMESPACE": "cell", "POD_IP": "10.0.0.1", "NODE_NAME": "node-1"}
	getenv := func(name string) string { return env[name] }
	pod, err := PodFromEnv(getenv)
	require.NoError(t, err)
	assert.Equal(t, Pod{Name: "demo-pd-0", Namespace: "cell", IP: "10.0.0.1", Node: "node-1"}, pod)

	env["POD_IP"] = ""
	_, err = PodFromEnv(getenv)
	require.ErrorContains(t, err, "status.podIP")
	env["POD_NAME"] = ""
	_, err = PodFromEnv(getenv)
	require.ErrorContains(t, err, "metadata.name")
}
