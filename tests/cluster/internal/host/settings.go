// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// kubeletSettings are the kernel's settings that a kubelet makes for the whole machine when it starts
// (setupKernelTunables in k8s.io/kubernetes/pkg/kubelet/cm).
var kubeletSettings = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// SettingsToRestore are the values that a kubelet is about to change. Those that are the kubelet's
// already are not among them: the cluster that changed them will restore them.
func SettingsToRestore() map[string]string { return settingsToRestore("/proc/sys") }

func settingsToRestore(root string) map[string]string {
	before := map[string]string{}
	for key, kubelets := range kubeletSettings {
		data, err := os.ReadFile(filepath.Join(root, key))
		if value := strings.TrimSpace(string(data)); err == nil && value != kubelets {
			before[key] = value
		}
	}
	return before
}

// RestoreSettings undoes what kubelets did to the machine's settings.
func RestoreSettings(before map[string]string) error { return restoreSettings("/proc/sys", before) }

func restoreSettings(root string, before map[string]string) error {
	for key, value := range before {
		if _, known := kubeletSettings[key]; !known {
			continue // a state file that somebody edited does not set anything else
		}
		if err := os.WriteFile(filepath.Join(root, key), []byte(value), 0); err != nil {
			return fmt.Errorf("restore the machine's settings: %w", err)
		}
	}
	return nil
}
