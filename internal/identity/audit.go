package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// AuditPrefix begins the ids of audit entries.
const AuditPrefix = "a_"

// Act names an administrative act. Acts are part of the HTTP contract: they are added, never renamed. Every part of
// the product names its own, "<what>.<done>".
type Act string

// The acts of this package.
const (
	ActInvited          Act = "staff.invited"
	ActWithdrawn        Act = "staff.invitation_withdrawn"
	ActJoined           Act = "staff.joined"
	ActStaffChanged     Act = "staff.changed"
	ActPasswordChanged  Act = "staff.password_changed"
	ActResetIssued      Act = "staff.password_reset_issued"
	ActPasswordReset    Act = "staff.password_reset"
	ActSessionsRevoked  Act = "staff.sessions_revoked"
	ActSignInThrottled  Act = "signin.throttled"
	ActRefreshReused    Act = "session.refresh_reused"
	ActSessionDisplaced Act = "session.displaced"
	ActSessionRechecked Act = "session.recheck_failed"
	ActKeyMade          Act = "key.made"
	ActKeyChanged       Act = "key.changed"
	ActKeyRevoked       Act = "key.revoked"
	ActKeyRefused       Act = "key.refused"
	ActWorkspaceChanged Act = "workspace.changed"
	ActWidgetMade       Act = "widget.made"
	ActWidgetChanged    Act = "widget.changed"
	ActWidgetRemoved    Act = "widget.removed"
	ActProviderChanged  Act = "oidc.changed"
	ActProviderRemoved  Act = "oidc.removed"
	ActProviderRefused  Act = "oidc.refused"
)

// AuditEntry is one line of a workspace's audit log. Nobody changes or removes one; it ends with its time.
type AuditEntry struct {
	Workspace chat.WorkspaceID
	// ID sorts by time.
	ID string
	At time.Time
	// Actor is who did it; "" for somebody who did not prove who they are.
	Actor chat.UserID
	Role  chat.Role
	// Source is the network address it came from, as the gateway saw it.
	Source string
	Act    Act
	// Subject is what it was done to: an id, or an address.
	Subject string
	// Before and After sum up what changed, without secrets. Either may be empty.
	Before, After map[string]string
	// Expires is when it is forgotten; zero for never.
	Expires time.Time
}

// AuditQuery asks for a part of a log, newest first. Zero fields ask for everything.
type AuditQuery struct {
	Actor   chat.UserID
	Act     Act
	Subject string
	// From and Until bound the time: From is within, Until is not, and must be set.
	From, Until time.Time
	// After continues behind an entry's id.
	After string
	Limit int
}

// Matches says whether the entry is among those that are asked for; After is another matter. An act that ends with a dot
// stands for all that begin so.
func (q AuditQuery) Matches(e AuditEntry) bool {
	act := q.Act == "" || q.Act == e.Act || strings.HasSuffix(string(q.Act), ".") && strings.HasPrefix(string(e.Act), string(q.Act))
	return act && (q.Actor == "" || q.Actor == e.Actor) && (q.Subject == "" || q.Subject == e.Subject) &&
		!e.At.Before(q.From) && e.At.Before(q.Until)
}

// AuditStore keeps audit logs.
type AuditStore interface {
	// AppendAudit adds an entry; adding it again changes nothing.
	AppendAudit(context.Context, AuditEntry) error
	// AuditEntries returns up to q.Limit entries, newest first. next continues the list, "" at its end: there may be
	// more even where few or none were returned, since one call looks at a bounded number of entries.
	AuditEntries(ctx context.Context, w chat.WorkspaceID, q AuditQuery) (list []AuditEntry, next string, err error)
}

// By is who acts, and from where.
type By struct {
	chat.Principal
	Source string
}

// Audit writes audit logs. Acts that are one item are stored with their entry, in one transaction: their stores
// take what Entry returns. All others call Record after the act: an act may then go unrecorded if the process dies
// between the two, but nothing is recorded that was not done.
type Audit struct {
	Store AuditStore
	// Now is the clock, time.Now if nil.
	Now func() time.Time
	// NewID makes the ids of entries, which sort by time; nil for chance.
	NewID func(time.Time) string
	// Keep says for how long a workspace keeps what is recorded now; nil or 0 for ever. What was recorded before keeps
	// the time that it was given.
	Keep func(chat.WorkspaceID) time.Duration
}

// Entry makes an entry of something that is about to be done.
func (a *Audit) Entry(by By, act Act, subject string, before, after map[string]string) AuditEntry {
	now := clock(a.Now).Truncate(time.Millisecond)
	var id string
	if a.NewID != nil {
		id = a.NewID(now)
	} else {
		id = chat.NewID(AuditPrefix, now)
	}
	e := AuditEntry{
		Workspace: by.Workspace, ID: id, At: now, Actor: by.User, Role: by.Role, Source: by.Source,
		Act: act, Subject: subject, Before: before, After: after,
	}
	if a.Keep != nil {
		if life := a.Keep(by.Workspace); life > 0 {
			e.Expires = now.Add(life)
		}
	}
	return e
}

// Record appends an entry of something that was done.
func (a *Audit) Record(ctx context.Context, by By, act Act, subject string, before, after map[string]string) error {
	if err := a.Store.AppendAudit(ctx, a.Entry(by, act, subject, before, after)); err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	return nil
}

// MaxAudit is how many entries a call returns at most.
const MaxAudit = 200

// List returns a part of the log, newest first, to those who may read it.
func (a *Audit) List(ctx context.Context, by By, q AuditQuery) (list []AuditEntry, next string, err error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandAudit); err != nil {
		return nil, "", err
	}
	if _, ok := chat.IDBytes(AuditPrefix, q.After); q.After != "" && !ok {
		return nil, "", chat.Errorf(chat.CodeInvalid, "after: not a value of next")
	}
	if latest := clock(a.Now).Add(time.Minute); q.Until.IsZero() || q.Until.After(latest) {
		q.Until = latest
	}
	list, next, err = a.Store.AuditEntries(ctx, by.Workspace, q)
	if err != nil {
		return nil, "", fmt.Errorf("reading the audit log: %w", err)
	}
	now := clock(a.Now) // storage forgets within days of the time, not on the dot
	list = slices.DeleteFunc(list, func(e AuditEntry) bool { return !e.Expires.IsZero() && !e.Expires.After(now) })
	return list, next, nil
}

// clock reads the clock, the real one if it is nil.
func clock(now func() time.Time) time.Time {
	if now != nil {
		return now()
	}
	return time.Now()
}

// lacking adds to what an entry says the departments that somebody was to get and that are not there.
func lacking(is map[string]string, unknown chat.DepartmentList) map[string]string {
	if unknown != "" {
		is["unknown departments"] = string(unknown)
	}
	return is
}

// changed sums up the fields that differ.
func changed(before, after map[string]string) (was, is map[string]string) {
	was, is = map[string]string{}, map[string]string{}
	for name, v := range after {
		if before[name] != v {
			was[name], is[name] = before[name], v
		}
	}
	return was, is
}
