// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// Verdict is what became of the writes. Both lists are empty if all is well.
type Verdict struct {
	// Keys and Acknowledged are how many keys and acknowledged writes were judged.
	Keys, Acknowledged int
	// Lost are keys whose last value shows that an acknowledged write is gone.
	Lost []string
	// Inconsistent are keys of which nothing is lost, but a read saw what it must not
	// have seen, such as a value that had been overwritten.
	Inconsistent []string
}

// register is a key with one value, 0 as long as there is none.
var register = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		op := input.(operation)
		if op.value != 0 {
			return true, op.value
		}
		return output.(int64) == state.(int64), state
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%s: %v", input, output) },
}

// judge checks the history of each key on its own: as the keys share nothing,
// all together is linearizable if each is.
func judge(ctx context.Context, attempts []attempt) (Verdict, error) {
	byKey := map[string][]attempt{}
	v := Verdict{}
	for _, a := range attempts {
		byKey[a.key] = append(byKey[a.key], a)
		if a.value != 0 && a.err == nil {
			v.Acknowledged++
		}
	}
	v.Keys = len(byKey)
	for key, history := range byKey {
		sound, err := linearizable(ctx, key, history)
		if err != nil {
			return v, err
		}
		if sound {
			continue
		}
		// Of the reads, only those after the load say what is left of the writes.
		kept, err := linearizable(ctx, key, slices.DeleteFunc(slices.Clone(history), func(a attempt) bool { return a.value == 0 && !a.final }))
		if err != nil {
			return v, err
		}
		if kept {
			v.Inconsistent = append(v.Inconsistent, tell(key, history))
		} else {
			v.Lost = append(v.Lost, tell(key, history))
		}
	}
	slices.Sort(v.Lost)
	slices.Sort(v.Inconsistent)
	return v, nil
}

// keyLimit is how long the judgement of one key may take.
const keyLimit = 30 * time.Second

func linearizable(ctx context.Context, key string, history []attempt) (bool, error) {
	limit := keyLimit
	if deadline, ok := ctx.Deadline(); ok {
		limit = max(min(limit, time.Until(deadline)), time.Millisecond)
	}
	switch porcupine.CheckOperationsTimeout(register, operations(history), limit) {
	case porcupine.Ok:
		return true, nil
	case porcupine.Illegal:
		return false, nil
	}
	return false, fmt.Errorf("judge the history of %s: %d attempts were too many for %s", key, len(history), limit)
}

// operations are a history in porcupine's words. An attempt to write without an
// answer may have happened at any time after its begin: it has no end. It is left
// out if nobody ever read its value, for then it makes no difference; without
// this an outage would make histories that cannot be judged.
func operations(history []attempt) []porcupine.Operation {
	read := map[int64]bool{}
	for _, a := range history {
		if a.value == 0 && a.err == nil {
			read[a.got] = true
		}
	}
	var out []porcupine.Operation
	for _, a := range history {
		op := porcupine.Operation{ClientId: a.client, Input: a.operation, Output: a.got, Call: int64(a.began), Return: int64(a.ended)}
		if a.err != nil {
			if a.value == 0 || !read[a.value] {
				continue
			}
			op.Return = math.MaxInt64
		}
		out = append(out, op)
	}
	return out
}

// tell shows the end of a key's history.
func tell(key string, history []attempt) string {
	const shown = 12
	text := key + ":"
	if len(history) > shown {
		text += " …"
	}
	for _, a := range history[max(0, len(history)-shown):] {
		outcome := "ok"
		switch {
		case a.err != nil:
			outcome = "no answer"
		case a.value == 0:
			outcome = fmt.Sprint(a.got)
		}
		text += fmt.Sprintf(" [%.3f-%.3f s %s: %s]", a.began.Seconds(), a.ended.Seconds(), a.operation, outcome)
	}
	return text
}
