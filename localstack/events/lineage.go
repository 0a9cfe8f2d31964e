package events

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
)

// maxRounds is where Lambda stops a function that triggers itself through SQS: about 16 invocations in one
// chain (AWS: "Use Lambda recursive loop detection to prevent infinite loops").
const maxRounds = 16

// lineageID names a function in the Lineage part of a trace header, which is a list of id:count pairs
// separated by bars.
func lineageID(functionARN string) string {
	sum := sha256.Sum256([]byte(functionARN))
	return hex.EncodeToString(sum[:4])
}

// rounds reads how often the function with this id is in the chain that led to the trace. The SDK
// percent-encodes the header, so the bars may come as %7C.
func rounds(trace, id string) int {
	for _, pair := range lineage(trace) {
		if name, count, ok := strings.Cut(pair, ":"); ok && name == id {
			n, err := strconv.Atoi(count)
			if err == nil {
				return n
			}
		}
	}
	return 0
}

func lineage(trace string) []string {
	for part := range strings.SplitSeq(trace, ";") {
		if value, ok := strings.CutPrefix(part, "Lineage="); ok {
			if plain, err := url.PathUnescape(value); err == nil {
				value = plain
			}
			return strings.Split(value, "|")
		}
	}
	return nil
}

// withRound returns the trace with the function's count set to n. An empty trace stays empty but for the
// lineage: the runner adds no root of its own then.
func withRound(trace, id string, n int) string {
	pairs := []string{id + ":" + strconv.Itoa(n)}
	for _, pair := range lineage(trace) {
		if name, _, _ := strings.Cut(pair, ":"); name != id && name != "" {
			pairs = append(pairs, pair)
		}
	}
	var parts []string
	for part := range strings.SplitSeq(trace, ";") {
		if part != "" && !strings.HasPrefix(part, "Lineage=") {
			parts = append(parts, part)
		}
	}
	return strings.Join(append(parts, "Lineage="+strings.Join(pairs, "|")), ";")
}
