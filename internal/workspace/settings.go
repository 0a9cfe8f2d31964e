package workspace

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Settings are those of a workspace.
type Settings struct {
	Meta
	// Hours of the business; departments may have their own.
	Hours Hours `json:"hours,omitzero"`
	// Routing is how conversations find an operator.
	Routing Routing `json:"routing,omitzero"`
	// SLA is what customers are promised.
	SLA SLA `json:"sla,omitzero"`
	// OfflineOutsideHours lets conversations that begin outside hours start offline: a message is left, and enters the
	// queue when the business opens. Else they wait in the queue.
	OfflineOutsideHours bool `json:"offlineOutsideHours,omitempty"`
	// Bot leads new conversations until it hands them off; none: they go to the queue at once.
	Bot chat.UserID `json:"bot,omitempty"`
	// Rate bounds what one customer may write; none for the deployment's own.
	Rate *Rate `json:"rate,omitempty"`
	// AuditDays is for how many days acts are kept in the audit log from the day that they are recorded: 90 to 3660,
	// default 400. What was recorded before a change of it keeps the time that it was given.
	AuditDays int `json:"auditDays,omitempty"`
	// Widget is how the widget looks and what it says.
	Widget Widget `json:"widget,omitzero"`
}

// How long the audit log is kept. The least is a quarter of a year: whoever has taken an admin's session could else set
// it so short that nothing is left to look at. The default is a year and a month, so that a yearly review finds all of it.
const (
	MinAuditDays     = 90
	MaxAuditDays     = 3660
	DefaultAuditDays = 400
)

// Rate bounds what one customer may write: more than that many messages within the window mutes them for the pause.
type Rate struct {
	// Messages is 1 to 1000; 30 is the deployment's own.
	Messages int `json:"messages"`
	// WindowSeconds is 1 to 3600.
	WindowSeconds int `json:"windowSeconds"`
	// PauseSeconds is 1 to 3600.
	PauseSeconds int `json:"pauseSeconds"`
}

// Widget is how the widget looks and what it says. Texts are shown as they are; markup in them is text.
type Widget struct {
	// Title of its window, at most 100 bytes; without it the workspace's name.
	Title string `json:"title,omitempty"`
	// Color of its button and head, "#rrggbb".
	Color string `json:"color,omitempty"`
	// Side of the page that it sits on: right, which is the default, or left.
	Side string `json:"side,omitempty"`
	// Locale of its own texts, such as "de" or "pt-BR"; without it the browser's.
	Locale string `json:"locale,omitempty"`
	// Welcome is shown before the first message, at most 2000 bytes.
	Welcome string `json:"welcome,omitempty"`
	// Offline is shown while the business is closed, at most 2000 bytes.
	Offline string `json:"offline,omitempty"`
	// Waiting is shown to who waits, at most 2000 bytes.
	Waiting string `json:"waiting,omitempty"`
	// ChooseDepartment lets customers choose one.
	ChooseDepartment bool `json:"chooseDepartment,omitempty"`
	// HidePosition keeps from who waits what place in the queue they have.
	HidePosition bool `json:"hidePosition,omitempty"`
	// ShowArticles offers help articles before a conversation.
	ShowArticles bool `json:"showArticles,omitempty"`
	// TellVisits lets the widget tell which page a visitor is on: for workspaces whose visitors consent.
	TellVisits bool `json:"tellVisits,omitempty"`
	// VisitsNeedConsent refuses visits whose client does not say that the visitor has agreed.
	VisitsNeedConsent bool `json:"visitsNeedConsent,omitempty"`
	// VisitsKeepQuery keeps the query of pages' addresses; without it what is behind the "?" is dropped.
	VisitsKeepQuery bool `json:"visitsKeepQuery,omitempty"`
}

// Check implements Entity.
func (s *Settings) Check() error {
	if _, err := NewCalendar(s.Hours); err != nil {
		return err
	}
	if err := s.Routing.check(); err != nil {
		return err
	}
	if err := s.SLA.check(); err != nil {
		return err
	}
	if s.Bot != "" && !s.Bot.Valid() {
		return chat.Errorf(chat.CodeInvalid, "bot: not a user")
	}
	if r := s.Rate; r != nil && (outside(r.Messages, 1, 1000) || outside(r.WindowSeconds, 1, 3600) || outside(r.PauseSeconds, 1, 3600)) {
		return chat.Errorf(chat.CodeInvalid, "rate: 1 to 1000 messages, windowSeconds and pauseSeconds 1 to 3600")
	}
	if s.AuditDays != 0 && outside(s.AuditDays, MinAuditDays, MaxAuditDays) {
		return chat.Errorf(chat.CodeInvalid, "auditDays: %d to %d", MinAuditDays, MaxAuditDays)
	}
	return s.Widget.check()
}

func outside(n, low, high int) bool { return n < low || n > high }

func (w Widget) check() error {
	switch {
	case len(w.Title) > MaxName:
		return chat.Errorf(chat.CodeInvalid, "widget.title: at most %d bytes", MaxName)
	case w.Color != "" && !color(w.Color):
		return chat.Errorf(chat.CodeInvalid, "widget.color: such as #1a2b3c")
	case w.Side != "" && w.Side != "left" && w.Side != "right":
		return chat.Errorf(chat.CodeInvalid, "widget.side: right or left")
	case w.Locale != "" && !locale(w.Locale):
		return chat.Errorf(chat.CodeInvalid, "widget.locale: such as de or pt-BR")
	}
	return checkTexts(map[string]string{"widget.welcome": w.Welcome, "widget.offline": w.Offline, "widget.waiting": w.Waiting})
}

// color says whether the text is "#rrggbb".
func color(s string) bool {
	if len(s) != 7 || s[0] != '#' {
		return false
	}
	for _, c := range s[1:] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

// locale says whether the text has the form of a language tag (RFC 5646), up to 35 characters, as section 4.4.1 has it.
func locale(s string) bool {
	part := 0
	for _, c := range s {
		switch {
		case c == '-' && part > 0:
			part = 0
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			if part++; part > 8 {
				return false
			}
		default:
			return false
		}
	}
	return part > 0 && len(s) <= 35
}

// Routing is how conversations find an operator. What is absent is as the workspace, and then the product, has it.
type Routing struct {
	// ManualAccept offers a conversation to its operator, who accepts or declines; else it is assigned. Default false.
	ManualAccept *bool `json:"manualAccept,omitempty"`
	// OfferSeconds is how long an offer lives: 10 to 600, default 30.
	OfferSeconds *int `json:"offerSeconds,omitempty"`
	// FirstReplySeconds is how long an operator has for the first reply: 30 to 3600, default 180.
	FirstReplySeconds *int `json:"firstReplySeconds,omitempty"`
	// TypingSeconds is how much more they have while they type: 0 to 600, default 60.
	TypingSeconds *int `json:"typingSeconds,omitempty"`
	// BotReplySeconds is how long a customer waits for a word of the bot that leads, until the conversation goes to people:
	// 10 to 3600, default 60.
	BotReplySeconds *int `json:"botReplySeconds,omitempty"`
	// IdleSeconds is how long nobody writes before a conversation is idle: 60 to 86400, default 600.
	IdleSeconds *int `json:"idleSeconds,omitempty"`
	// AwayAfterMisses in a row the operator is set away: 1 to 20, default 2; 0 never.
	AwayAfterMisses *int `json:"awayAfterMisses,omitempty"`
	// AskAgainSeconds is how long whoever has declined or missed a conversation is left in peace with it: 30 to 3600,
	// default 300. Whoever comes on duty anew is asked at once.
	AskAgainSeconds *int `json:"askAgainSeconds,omitempty"`
	// PreferredSeconds is how long a conversation waits for the customer's last operator, who is there but full: 0 to
	// 600, default 30.
	PreferredSeconds *int `json:"preferredSeconds,omitempty"`
	// PositionSeconds is how often those who wait are told how it stands, at most: 15 to 600, default 15.
	PositionSeconds *int `json:"positionSeconds,omitempty"`
	// PromiseSeconds is after how long without an answer the customer is told what to expect: 5 to 600, default 10.
	PromiseSeconds *int `json:"promiseSeconds,omitempty"`
	// OfflineUnstaffed lets conversations that begin within hours, but while nobody on duty accepts, start offline: a
	// message is left, and enters the queue within two minutes after somebody has come. Else they wait in the queue at
	// once, and the customer is told that nobody is there. Default false.
	OfflineUnstaffed *bool `json:"offlineUnstaffed,omitempty"`
}

// bound is one number of Routing.
type bound struct {
	name      string
	value     *int
	low, high int
	into      *time.Duration
}

func (r Routing) bounds(p *chat.RoutingPolicy) []bound {
	return []bound{
		{"offerSeconds", r.OfferSeconds, 10, 600, &p.OfferLife},
		{"firstReplySeconds", r.FirstReplySeconds, 30, 3600, &p.FirstReply},
		{"typingSeconds", r.TypingSeconds, 0, 600, &p.TypingExtension},
		{"botReplySeconds", r.BotReplySeconds, 10, 3600, &p.BotReply},
		{"idleSeconds", r.IdleSeconds, 60, 86400, &p.IdleAfter},
		{"askAgainSeconds", r.AskAgainSeconds, 30, 3600, &p.AskAgain},
		{"preferredSeconds", r.PreferredSeconds, 0, 600, &p.PreferredWait},
		{"positionSeconds", r.PositionSeconds, 15, 600, &p.PositionEvery},
		{"promiseSeconds", r.PromiseSeconds, 5, 600, &p.PromiseAfter},
	}
}

func (r Routing) check() error {
	for _, b := range r.bounds(&chat.RoutingPolicy{}) {
		if b.value != nil && outside(*b.value, b.low, b.high) {
			return chat.Errorf(chat.CodeInvalid, "routing.%s: %d to %d", b.name, b.low, b.high)
		}
	}
	if r.AwayAfterMisses != nil && outside(*r.AwayAfterMisses, 0, 20) {
		return chat.Errorf(chat.CodeInvalid, "routing.awayAfterMisses: 0 to 20")
	}
	return nil
}

// over returns the policy with what is set here.
func (r Routing) over(p chat.RoutingPolicy) chat.RoutingPolicy {
	for _, b := range r.bounds(&p) {
		if b.value != nil {
			*b.into = time.Duration(*b.value) * time.Second
		}
	}
	if r.ManualAccept != nil {
		p.ManualAccept = *r.ManualAccept
	}
	if r.AwayAfterMisses != nil {
		p.AwayAfterMisses = *r.AwayAfterMisses
	}
	if r.OfflineUnstaffed != nil {
		p.OfflineUnstaffed = *r.OfflineUnstaffed
	}
	return p
}

// SLA is what customers are promised: how long each clock may run.
type SLA struct {
	// Targets by priority; a priority that is missing has those of priority 0. None: nothing is promised.
	Targets []SLATarget `json:"targets,omitempty"`
	// InHours lets the clocks run only while the business, or the department, is open.
	InHours bool `json:"inHours,omitempty"`
}

// SLATarget is how long the clocks may run for one priority, in seconds: 1 to 31,536,000 (a year); 0 for no limit.
type SLATarget struct {
	// Priority is -2 (lowest) to 3 (urgent).
	Priority int `json:"priority"`
	// FirstResponseSeconds run from the beginning to the first message of a person of staff.
	FirstResponseSeconds int `json:"firstResponseSeconds,omitempty"`
	// NextResponseSeconds run from the oldest message that nobody has answered.
	NextResponseSeconds int `json:"nextResponseSeconds,omitempty"`
	// ResolutionSeconds run from the beginning to the end.
	ResolutionSeconds int `json:"resolutionSeconds,omitempty"`
}

const year = 365 * 24 * 60 * 60 // seconds

func (s SLA) check() error {
	seen := map[int]bool{}
	for i, t := range s.Targets {
		switch {
		case outside(t.Priority, chat.MinPriority, chat.MaxPriority) || seen[t.Priority]:
			return chat.Errorf(chat.CodeInvalid, "sla.targets[%d].priority: %d to %d, each once", i, chat.MinPriority, chat.MaxPriority)
		case outside(t.FirstResponseSeconds, 0, year) || outside(t.NextResponseSeconds, 0, year) || outside(t.ResolutionSeconds, 0, year):
			return chat.Errorf(chat.CodeInvalid, "sla.targets[%d]: seconds, 0 for no limit, at most a year", i)
		}
		seen[t.Priority] = true
	}
	return nil
}

func (s SLA) policy(hours chat.Hours) chat.SLAPolicy {
	out := chat.SLAPolicy{Targets: map[int]chat.SLATargets{}}
	for _, t := range s.Targets {
		out.Targets[t.Priority] = chat.SLATargets{
			FirstResponse: time.Duration(t.FirstResponseSeconds) * time.Second,
			NextResponse:  time.Duration(t.NextResponseSeconds) * time.Second,
			Resolution:    time.Duration(t.ResolutionSeconds) * time.Second,
		}
	}
	if s.InHours {
		out.Hours = hours
	}
	return out
}
