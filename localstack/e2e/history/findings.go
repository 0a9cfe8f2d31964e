package history

import (
	"fmt"
	"slices"
	"strings"
)

// Kind says which promise a finding breaks.
type Kind string

// The kinds of finding.
const (
	Lost            Kind = "lost"             // acknowledged, and not in the log
	Altered         Kind = "altered"          // in the log, but not as it was sent, or not where the acknowledgement said
	Invented        Kind = "invented"         // in the log, though nobody sent it
	Doubled         Kind = "doubled"          // in the log more than once
	Reacked         Kind = "reacked"          // acknowledged twice, at different seqs
	Gap             Kind = "gap"              // seqs that are not 1 … n
	Disorder        Kind = "disorder"         // one sender's events in another order than they were sent
	ViewMismatch    Kind = "view mismatch"    // a client shows something else than the log
	Leak            Kind = "leak"             // something of the desk reached a customer
	Crossing        Kind = "crossing"         // something of another workspace reached somebody
	NotLinearizable Kind = "not linearizable" // no single order explains what was read and acknowledged when
	JobLost         Kind = "job lost"         // an event that an integrator was never told of
	JobInvented     Kind = "job invented"     // a job for an event that is not in the log
	JobDisorder     Kind = "job disorder"     // a conversation's events in another order than the log's
	Residue         Kind = "residue"          // a row of a socket that is gone
	DeskMismatch    Kind = "desk mismatch"    // a live desk shows something else than what is so
	Denied          Kind = "denied"           // a function was not allowed what it did
	DeadLetter      Kind = "dead letter"
)

// Finding is one broken promise.
type Finding struct {
	Kind Kind
	Text string
}

// Findings are all that was found.
type Findings []Finding

// findings collects, at most maxPerKind of a kind in words, all in number.
type findings map[Kind][]string

func (f findings) add(k Kind, format string, args ...any) {
	f[k] = append(f[k], fmt.Sprintf(format, args...))
}

func (f findings) merge(o findings) {
	for k, texts := range o {
		f[k] = append(f[k], texts...)
	}
}

func (f findings) list() (out Findings) {
	for k, texts := range f {
		for _, t := range texts {
			out = append(out, Finding{k, t})
		}
	}
	slices.SortFunc(out, func(a, b Finding) int {
		return strings.Compare(string(a.Kind)+a.Text, string(b.Kind)+b.Text)
	})
	return out
}

// Count returns how many findings are of one of the kinds.
func (f Findings) Count(kinds ...Kind) int {
	n := 0
	for _, x := range f {
		if slices.Contains(kinds, x.Kind) {
			n++
		}
	}
	return n
}

// shownPerKind is how many findings of a kind String spells out.
const shownPerKind = 8

// String lists the findings, the first few of each kind.
func (f Findings) String() string {
	var b strings.Builder
	n := map[Kind]int{}
	for _, x := range f {
		if n[x.Kind]++; n[x.Kind] <= shownPerKind {
			fmt.Fprintf(&b, "%s: %s\n", x.Kind, x.Text)
		}
	}
	for k, count := range n {
		if count > shownPerKind {
			fmt.Fprintf(&b, "%s: %d more\n", k, count-shownPerKind)
		}
	}
	return b.String()
}
