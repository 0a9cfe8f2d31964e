package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/parley-chat/parley/localstack/console"
)

// throughStack asks the local stack that -stack names, if it is the first flag, for what the environment would say.
func throughStack(ctx context.Context, args []string, env func(string) string) ([]string, func(string) string, error) {
	if len(args) < 2 || args[0] != "-stack" {
		return args, env, nil
	}
	ready, err := askStack(ctx, args[1])
	if err != nil {
		return nil, nil, fmt.Errorf("%w\nIs the stack running? Start it with: make run", err)
	}
	known := map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": ready.AWS, "AWS_REGION": ready.Region, "AWS_ACCESS_KEY_ID": ready.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY": ready.SecretAccessKey, "CHAT_TABLE": ready.Tables["ChatTable"], "AWS_SESSION_TOKEN": "",
	}
	return args[2:], func(name string) string {
		if value, is := known[name]; is {
			return value
		}
		return env(name)
	}, nil
}

func askStack(ctx context.Context, addr string) (ready console.Addresses, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/_local/ready", nil)
	if err != nil {
		return ready, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ready, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&ready); err != nil {
		return ready, err
	}
	if ready.Tables["ChatTable"] == "" {
		return ready, errors.New("this is no local stack with a chat table")
	}
	return ready, nil
}
