// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"path/filepath"
	"strings"
)

// maxSocketPath is the longest path of a Unix socket that Linux takes (sun_path, less the final zero).
const maxSocketPath = 107

// Dirs is where a cluster keeps its files. All of it lies below the state folder and goes with `down`.
type Dirs string

// Validate refuses a folder in which the sockets' paths would get too long.
func (d Dirs) Validate() error {
	if !filepath.IsAbs(string(d)) || filepath.Clean(string(d)) != string(d) {
		return fmt.Errorf("--state-dir %q: use a clean absolute path", string(d))
	}
	longest := d.ContainerdSocket(NewNode(MaxNodes, "")) + ".ttrpc"
	if over := len(longest) - maxSocketPath; over > 0 {
		return fmt.Errorf("--state-dir %q is %d bytes too long for the sockets below it: use a shorter one", string(d), over)
	}
	return nil
}

func (d Dirs) in(elem ...string) string {
	return filepath.Join(append([]string{string(d)}, elem...)...)
}

// StateFile is what `up` wrote down for the other commands.
func (d Dirs) StateFile() string { return d.in("cluster.json") }

// Kubeconfig is the administrator's.
func (d Dirs) Kubeconfig() string { return d.in("kubeconfig") }

// PKI is the folder of certificates and keys.
func (d Dirs) PKI() string { return d.in("pki") }

// Cert and Key are the files of a certificate and its key.
func (d Dirs) Cert(name string) string { return d.in("pki", name+".crt") }

// Key is the private key's file that belongs to [Dirs.Cert].
func (d Dirs) Key(name string) string { return d.in("pki", name+".key") }

// Etcd is etcd's data folder.
func (d Dirs) Etcd() string { return d.in("etcd") }

// Config is the file of a control plane component's settings.
func (d Dirs) Config(file string) string { return d.in("config", file) }

// Logs is the folder of all logs.
func (d Dirs) Logs() string { return d.in("logs") }

// Log is the log of a component; node is empty for the control plane's.
func (d Dirs) Log(component, node string) string {
	if node == "" {
		return d.in("logs", component+".log")
	}
	return d.in("logs", node+"."+component+".log")
}

// Images is the folder of the loaded images' archives, for nodes that come later.
func (d Dirs) Images() string { return d.in("images") }

// Nodes is the folder of all nodes.
func (d Dirs) Nodes() string { return d.in("nodes") }

// Node is a file or folder of a node.
func (d Dirs) Node(n Node, elem ...string) string {
	return d.in(append([]string{"nodes", n.Name}, elem...)...)
}

// ContainerdSocket is where a node's containerd listens.
func (d Dirs) ContainerdSocket(n Node) string { return d.Node(n, "containerd.sock") }

// Volume is the folder behind a node's local volume.
func (d Dirs) Volume(node, volume string) string { return d.in("volumes", node, volume) }

// Contains tells whether a path lies below the state folder.
func (d Dirs) Contains(path string) bool {
	return strings.HasPrefix(path, string(d)+"/")
}

// LockFile is taken while a command changes the cluster. It lies beside the state folder, so that it
// survives `down`, which removes the folder.
func (d Dirs) LockFile() string { return string(d) + ".lock" }
