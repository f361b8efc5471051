// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command redis sends one command to a Redis server and prints the answer and
// the time it took, for machines without redis-cli:
//
//	redis [-addr HOST:PORT] [-wait DURATION] COMMAND [ARG...]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// tryLimit is how long one attempt may take: a proxy without a route never answers.
	tryLimit = 2 * time.Second
	// tryAgain is the pause between two attempts.
	tryAgain = 100 * time.Millisecond
)

// quiet keeps go-redis from telling of each attempt.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func main() {
	redis.SetLogger(quiet{})
	addr := flag.String("addr", "127.0.0.1:6379", "where the server is")
	wait := flag.Duration("wait", 0, "how long to try again while nobody answers")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Stdout, *addr, *wait, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "redis:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, addr string, wait time.Duration, command []string) error {
	if len(command) == 0 {
		return errors.New("no command: try `redis -addr HOST:PORT PING`")
	}
	client := redis.NewClient(&redis.Options{
		Addr: addr, Protocol: 2, DisableIdentity: true, MaxRetries: -1,
		DialTimeout: tryLimit, ReadTimeout: tryLimit, WriteTimeout: tryLimit,
	})
	defer client.Close()
	for begin := time.Now(); ; {
		sent := time.Now()
		answer, err := ask(ctx, client, command)
		if err == nil {
			_, err := fmt.Fprintf(out, "%s: %s (%.1f ms)\n", strings.Join(command, " "), answer, float64(time.Since(sent).Microseconds())/1e3)
			return err
		}
		var refusal redis.Error
		if ctx.Err() != nil || errors.As(err, &refusal) || time.Since(begin) >= wait {
			return fmt.Errorf("%s at %s: %w", command[0], addr, err)
		}
		time.Sleep(tryAgain)
	}
}

// ask sends the command once. An answer that holds nothing is none of go-redis'
// errors here.
func ask(ctx context.Context, client *redis.Client, command []string) (string, error) {
	args := make([]any, 0, len(command))
	for _, a := range command {
		args = append(args, a)
	}
	answer, err := client.Do(ctx, args...).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return "(nil)", nil
	case err != nil:
		return "", err
	}
	return fmt.Sprint(answer), nil
}
