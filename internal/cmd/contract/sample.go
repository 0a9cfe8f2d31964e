package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// sample is one frame or event as the handlers wrote it, recorded by TestSamplesAreWhatHandlersSend.
type sample struct {
	// Schema is the name of its schema: "client.send", "event.note".
	Schema string `json:"schema"`
	// Name says what it shows.
	Name    string          `json:"name"`
	Payload json.RawMessage `json:"payload"`
}

// recorded is written by: go test ./internal/cmd/contract -run TestSamplesAreWhatHandlersSend -update
//
//go:embed samples.json
var recorded []byte

// readSamples returns the samples by schema, in the order in which they were recorded.
func readSamples() (map[string][]sample, error) {
	var list []sample
	if err := json.Unmarshal(recorded, &list); err != nil {
		return nil, fmt.Errorf("samples.json: %w", err)
	}
	out := map[string][]sample{}
	for _, s := range list {
		out[s.Schema] = append(out[s.Schema], s)
	}
	return out, nil
}
