// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package docs runs the commands of README.md and docs/*.md on a fresh
// Kubernetes, so that they stay true. It takes those blocks that a comment marks:
//
//	<!-- ci -->
//	```sh
//	helm install …
//	```
//
// Blocks run in their order, each in a shell of its own that stops at the first
// command that fails, in the project's folder, with kubectl and helm on the PATH
// and KUBECONFIG set.
package docs

import (
	"fmt"
	"strings"
)

// marker stands on the line before a block that is to be run.
const marker = "<!-- ci -->"

// Block is one block of commands.
type Block struct {
	// Line is the number of its first command, from 1.
	Line int
	// Commands are its text.
	Commands string
}

// Blocks finds the marked blocks of a page. A marker that is not followed by a
// block of shell commands, as after a typing error, is an error.
func Blocks(page string) ([]Block, error) {
	var blocks []Block
	lines := strings.Split(page, "\n")
	for i := 0; i < len(lines); i++ {
		if strings.TrimSpace(lines[i]) != marker {
			continue
		}
		marked := i + 1
		if i++; i == len(lines) || strings.TrimSpace(lines[i]) != "```sh" {
			return nil, fmt.Errorf("line %d: %s must be followed by a line ```sh", marked, marker)
		}
		indent := lines[i][:strings.Index(lines[i], "```")]
		block := Block{Line: i + 2}
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != "```"; i++ {
			block.Commands += strings.TrimPrefix(lines[i], indent) + "\n"
		}
		switch {
		case i == len(lines):
			return nil, fmt.Errorf("line %d: the block after %s does not end", marked, marker)
		case strings.TrimSpace(block.Commands) == "":
			return nil, fmt.Errorf("line %d: the block after %s is empty", marked, marker)
		}
		blocks = append(blocks, block)
	}
	return blocks, nil
}
