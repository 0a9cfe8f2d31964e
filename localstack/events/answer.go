package events

import (
	"bytes"
	"encoding/json"
)

// failures reads what a function with ReportBatchItemFailures answered. ok is false when the whole batch counts
// as failed: invalid JSON, or an item whose identifier is missing, null, empty or of another name.
// An empty or null document or list means that everything succeeded (AWS: "Reporting batch item failures",
// success and failure conditions).
func failures(payload []byte) (identifiers []string, ok bool) {
	payload = bytes.TrimSpace(payload)
	if len(payload) == 0 || string(payload) == "null" {
		return nil, true
	}
	var answer struct {
		Failures []map[string]json.RawMessage `json:"batchItemFailures"`
	}
	if payload[0] != '{' || json.Unmarshal(payload, &answer) != nil {
		return nil, false
	}
	for _, item := range answer.Failures {
		var id string
		if json.Unmarshal(item["itemIdentifier"], &id) != nil || id == "" {
			return nil, false
		}
		identifiers = append(identifiers, id)
	}
	return identifiers, true
}
