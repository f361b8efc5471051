// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

const (
	proxyConfigPath = naming.ConfigDir + "/proxy.json"
	// drainGrace is how long a stopping proxy waits for the end of new
	// connections, in seconds: until all nodes have taken it out of the Service.
	drainGrace = 5
	// drainReserve is what remains of the pod's grace period after the drain, in seconds.
	drainReserve = 5
	// watcherHeartbeat is how often a proxy asks PD for news, in seconds; pushes come at once.
	watcherHeartbeat = 5
)

// ProxyDeployment is the deployment of the proxies; a nil number of replicas leaves it to an autoscaler.
func ProxyDeployment(c *v1alpha1.CellCluster, replicas *int32, launcherImage string) (*appsv1.Deployment, error) {
	plan, err := proxyPlan(c)
	if err != nil {
		return nil, err
	}
	text, err := encodePlan(c, plan)
	if err != nil {
		return nil, err
	}
	none, surge := intstr.FromInt32(0), intstr.FromInt32(1)
	history := int32(revisionHistory)
	x := component{
		name: naming.Proxy,
		spec: &c.Spec.Proxy.ComponentSpec,
		plan: text,
		ports: []corev1.ContainerPort{
			port(naming.PortRedis, naming.ProxyRedisPort),
			port(naming.PortNotify, naming.ProxyNotifyPort),
		},
		volumes:   []corev1.Volume{emptyDir(naming.ConfigVolume)},
		mounts:    []corev1.VolumeMount{{Name: naming.ConfigVolume, MountPath: naming.ConfigDir}},
		readiness: proxyReadiness(),
		// The start may take as long as PD needs; only after it is a closed port a reason to restart.
		startup:   &corev1.Probe{ProbeHandler: tcpProbe(naming.ProxyRedisPort), PeriodSeconds: 2, TimeoutSeconds: 2, SuccessThreshold: 1, FailureThreshold: 1800},
		liveness:  &corev1.Probe{ProbeHandler: tcpProbe(naming.ProxyRedisPort), PeriodSeconds: 10, TimeoutSeconds: 5, SuccessThreshold: 1, FailureThreshold: 6},
		lifecycle: proxyDrain(c),
	}
	deployment := &appsv1.Deployment{
		ObjectMeta: meta(c, naming.Member(c.Name, naming.Proxy), naming.Proxy),
		Spec: appsv1.DeploymentSpec{
			Replicas:             replicas,
			Selector:             selector(c, naming.Proxy),
			Template:             template(c, x, launcherImage),
			RevisionHistoryLimit: &history,
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &none, MaxSurge: &surge},
			},
		},
	}
	if replicas == nil {
		deployment.Annotations = map[string]string{naming.AnnotationAutoscaled: "true"}
	}
	return deployment, nil
}

// proxyReadiness sends a PING. The proxy passes it on to a store, and hangs
// rather than fails when it has no route, hence the program with a time-out.
func proxyReadiness() *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{
			Command: []string{naming.LauncherPath, "probe", "proxy", "--timeout", "2s"},
		}},
		PeriodSeconds: 5, TimeoutSeconds: 4, SuccessThreshold: 1, FailureThreshold: 2,
	}
}

func proxyDrain(c *v1alpha1.CellCluster) *corev1.Lifecycle {
	longest := max(*c.Spec.Proxy.TerminationGracePeriodSeconds-drainReserve, 0)
	return &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{
		naming.LauncherPath, "drain", "proxy",
		"--grace", fmt.Sprintf("%ds", min(drainGrace, longest)),
		"--max", fmt.Sprintf("%ds", longest),
	}}}}
}

// proxyConfig is the file that the proxy reads.
type proxyConfig struct {
	Addr                string   `json:"addr"`
	AddrNotify          string   `json:"addrNotify"`
	WatcherHeartbeatSec int      `json:"watcherHeartbeatSec"`
	PDAddrs             []string `json:"pdAddrs"`
	MaxRetries          int32    `json:"maxRetries"`
	RetryDuration       int64    `json:"retryDuration"`
	WorkerCount         int32    `json:"workerCount"`
	SupportCMDs         []string `json:"supportCMDs"`
}

func proxyPlan(c *v1alpha1.CellCluster) (launch.Plan, error) {
	config := c.Spec.Proxy.Config
	commands := config.SupportCMDs
	if len(commands) == 0 {
		commands = redisCommands()
	}
	text, err := json.MarshalIndent(proxyConfig{
		Addr: fmt.Sprintf(":%d", naming.ProxyRedisPort),
		// PD dials this address to push changes of routes.
		AddrNotify:          fmt.Sprintf("${POD_IP}:%d", naming.ProxyNotifyPort),
		WatcherHeartbeatSec: watcherHeartbeat,
		PDAddrs:             pdAddresses(c),
		MaxRetries:          *config.MaxRetries,
		RetryDuration:       config.RetryDuration.Milliseconds(),
		WorkerCount:         *config.WorkerCount,
		SupportCMDs:         commands,
	}, "", "  ")
	if err != nil {
		return launch.Plan{}, fmt.Errorf("encode the proxy's configuration: %w", err)
	}
	args := []string{"-cfg=" + proxyConfigPath, "-log-level=" + string(config.LogLevel)}
	return launch.Plan{
		Component: launch.Proxy,
		Program:   "/usr/local/bin/proxy",
		WaitFor:   []string{pdAddress(c)},
		Args:      append(args, c.Spec.Proxy.ExtraArgs...),
		Files:     []launch.File{{Path: proxyConfigPath, Mode: 0o644, Content: string(text)}},
	}, nil
}

// redisCommands are those that Elasticell's stores carry out. The proxy
// refuses what is not on its list, and its own sample leaves out del.
func redisCommands() []string {
	return []string{
		"ping", "set", "get", "mset", "mget", "del", "exists", "incr", "incrby", "decr", "decrby",
		"getset", "append", "setnx", "strlen", "setrange", "expire", "ttl",
		"hset", "hget", "hdel", "hexists", "hkeys", "hvals", "hgetall", "hlen", "hmget", "hmset", "hsetnx", "hstrlen", "hincrby", "hscanget",
		"lindex", "linsert", "llen", "lpop", "lpush", "lpushx", "lrange", "lrem", "lset", "ltrim", "rpop", "rpoplpush", "rpush", "rpushx",
		"sadd", "scard", "srem", "smembers", "sismember", "spop",
		"zadd", "zcard", "zcount", "zincrby", "zlexcount", "zrange", "zrangebylex", "zrangebyscore", "zrank", "zrem",
		"zremrangebylex", "zremrangebyrank", "zremrangebyscore", "zscore",
	}
}
