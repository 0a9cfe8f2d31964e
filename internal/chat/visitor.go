package chat

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what is known of visitors.
const (
	// VisitLease is how long a visitor counts as on the site after their client said so.
	VisitLease = 3 * time.Minute
	// VisitGap is the least time between two pages of one visitor.
	VisitGap = time.Second
	// MaxTitle bounds the title of a page in bytes, as MaxPage its address.
	MaxTitle = 200
	// MaxReferrer bounds where the visitor came from.
	MaxReferrer = 500
	// VisitorsCounted is up to where visitors are counted for a frame.
	VisitorsCounted = 10_000
	// MaxVisitors is how many one page of the list has.
	MaxVisitors = 100
)

// VisitPolicy is what a workspace wants to know of its visitors. The zero value: nothing.
type VisitPolicy struct {
	// Tell lets clients tell the page that a visitor is on.
	Tell bool
	// Consent demands that the client says that the visitor has agreed.
	Consent bool
	// KeepQuery keeps the query of addresses, which may hold what is nobody's business.
	KeepQuery bool
}

// Visit is what a client tells of a page. Without Page the visitor is still where they were.
type Visit struct {
	Page, Title, Referrer string
	// Conversation that the visitor is in, if any.
	Conversation ConversationID
	Consent      bool
}

// Visitor is somebody who is on the site. It is kept for as long as they are, and nowhere else.
type Visitor struct {
	User                  UserID
	Page, Title, Referrer string
	Conversation          ConversationID
	// First is when this stay began, Since when they came to the page.
	First, Since time.Time
	// Until is when they count as gone.
	Until time.Time
}

// VisitorStore keeps who is on the site. All of it expires.
type VisitorStore interface {
	// PutVisit stores the visitor's page. First is kept from the row of a stay that goes on. *Refused when the last page
	// is younger than gap.
	PutVisit(ctx context.Context, w WorkspaceID, v Visitor, gap time.Duration) error
	// StayOn moves the end of a stay. *Refused when there is none any more.
	StayOn(ctx context.Context, w WorkspaceID, u UserID, now, until time.Time) error
	// Visitors lists up to limit of those whose stay has not ended, in no order; more says that there are others. It may
	// lag.
	Visitors(ctx context.Context, w WorkspaceID, now time.Time, limit int) (list []Visitor, more bool, err error)
	// VisitorPage lists likewise behind a place that it returned before, "" for the beginning and for the end.
	VisitorPage(ctx context.Context, w WorkspaceID, now time.Time, place string, limit int) (list []Visitor, next string, err error)
}

// Visits takes what clients tell of the pages that visitors are on.
type Visits struct {
	Store VisitorStore
	// Policy is what the workspace wants to know; nil stands for nothing.
	Policy func(context.Context, WorkspaceID) (VisitPolicy, error)
	// Chat proves that a visitor is in the conversation that they name.
	Chat *Service
	// Lease is VisitLease if 0.
	Lease time.Duration
	Now   func() time.Time
}

func (s *Visits) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// Tell notes the page that the customer is on, or that they are still there, and returns until when they count as on
// the site. It is one write. Nothing is logged or pushed: the desk looks while it has the view open.
func (s *Visits) Tell(ctx context.Context, p Principal, v Visit) (time.Time, error) {
	if _, err := authorize(p, CommandVisit); err != nil {
		return time.Time{}, err
	}
	if err := s.wanted(ctx, p, &v); err != nil {
		return time.Time{}, err
	}
	now := stamp(s.now())
	until := now.Add(cmp.Or(s.Lease, VisitLease))
	var err error
	var refused *Refused
	if v.Page == "" {
		if err = s.Store.StayOn(ctx, p.Workspace, p.User, now, until); errors.As(err, &refused) {
			return until, Errorf(CodeNotFound, "page: the stay has ended; tell the page again")
		}
		return until, storageAnswered(err)
	}
	err = s.Store.PutVisit(ctx, p.Workspace, Visitor{
		User: p.User, Page: v.Page, Title: v.Title, Referrer: v.Referrer, Conversation: v.Conversation, First: now, Since: now, Until: until,
	}, VisitGap)
	if errors.As(err, &refused) {
		e := Errorf(CodeTooFast, "page: at most one a second")
		e.RetryAfter = VisitGap
		return until, e
	}
	return until, storageAnswered(err)
}

func storageAnswered(err error) error {
	if err == nil {
		return nil
	}
	return noAnswer(err)
}

// wanted checks the visit by what the workspace wants to know, and leaves out the rest of it.
func (s *Visits) wanted(ctx context.Context, p Principal, v *Visit) error {
	var policy VisitPolicy
	if s.Policy != nil {
		var err error
		if policy, err = s.Policy(ctx, p.Workspace); err != nil {
			return noAnswer(err)
		}
	}
	switch {
	case !policy.Tell:
		return Errorf(CodeForbidden, "this workspace does not want to know; tell no visits")
	case policy.Consent && !v.Consent:
		return Errorf(CodeForbidden, "consent: needed; tell no visits before the visitor has agreed")
	case v.Page == "":
		return nil
	case len(v.Title) > MaxTitle || !utf8.ValidString(v.Title):
		return Errorf(CodeInvalid, "title: at most %d bytes", MaxTitle)
	}
	var err error
	if v.Page, err = address(v.Page, MaxPage, policy.KeepQuery); err != nil {
		return Errorf(CodeInvalid, "page: an http or https address, or a path, of at most %d bytes", MaxPage)
	}
	if v.Referrer != "" {
		if v.Referrer, err = address(v.Referrer, MaxReferrer, policy.KeepQuery); err != nil {
			return Errorf(CodeInvalid, "referrer: an http or https address of at most %d bytes", MaxReferrer)
		}
	}
	return s.takesPart(ctx, p, v.Conversation)
}

// takesPart refuses a conversation that is not the visitor's.
func (s *Visits) takesPart(ctx context.Context, p Principal, id ConversationID) error {
	if id == "" {
		return nil
	}
	_, err := s.Chat.visible(ctx, p, Ref{p.Workspace, id}, Own)
	return err
}

var errAddress = errors.New("not an address")

// address checks an address and takes off what the business need not know: who signs in by it, where on the page, and,
// unless it is kept, the query.
func address(text string, most int, query bool) (string, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > most || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "" || u.Opaque != "" {
		return "", errAddress
	}
	if u.Scheme == "" && !strings.HasPrefix(u.Path, "/") || u.Scheme != "" && u.Host == "" {
		return "", errAddress
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if !query {
		u.RawQuery, u.ForceQuery = "", false
	}
	if out := u.String(); len(out) <= most && utf8.ValidString(out) {
		return out, nil
	}
	return "", errAddress
}

func (l *LiveDesk) lookAtVisitors(ctx context.Context, w WorkspaceID) (*VisitorsView, error) {
	list, more, err := l.Visitors.Visitors(ctx, w, l.now(), VisitorsCounted)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b Visitor) int { return cmp.Or(b.First.Compare(a.First), cmp.Compare(a.User, b.User)) })
	n := min(len(list), VisitorsShown)
	return &VisitorsView{Total: len(list), AtLeast: more, More: n < len(list) || more, Visitors: list[:n]}, nil
}

// VisitorPage lists who is on the site, without a bound: next, when set, continues the list. Its order is no other than
// that nobody who stays is left out.
func (l *LiveDesk) VisitorPage(ctx context.Context, p Principal, place string, limit int) ([]Visitor, string, error) {
	if _, err := authorize(p, CommandVisitors); err != nil {
		return nil, "", err
	}
	list, next, err := l.Visitors.VisitorPage(ctx, p.Workspace, l.now(), place, limit)
	return list, next, storageAnswered(err)
}
