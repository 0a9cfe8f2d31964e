package workspace

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// visible reads a conversation that the principal may see, as it is now.
func (a *Automation) visible(ctx context.Context, p chat.Principal, c chat.ConversationID) (*scene, error) {
	page, err := a.Chat.Page(ctx, p, chat.PageQuery{Conversation: c, Track: chat.Public, Limit: 1})
	if err != nil {
		return nil, err
	}
	config, err := a.Settings.Config(ctx, p.Workspace)
	if err != nil {
		return nil, err
	}
	sc, err := a.scene(ctx, config, page.Head, chat.Public, chat.Event{})
	if err == nil && sc == nil {
		return nil, chat.Errorf(chat.CodeNotFound, "no such conversation, or you take no part in it")
	}
	return sc, unavailable(err)
}

// Render fills in the variables of a text for a conversation. missing lists those without a value or an alternative.
func (a *Automation) Render(ctx context.Context, p chat.Principal, c chat.ConversationID, text string) (out string, missing []string, err error) {
	sc, err := a.visible(ctx, p, c)
	if err != nil {
		return "", nil, err
	}
	values, err := a.variables(ctx, p, sc)
	if err != nil {
		return "", nil, err
	}
	out, missing = Render(text, values)
	return out, missing, nil
}

// Apply takes the steps of a macro in the principal's name. id names the call: with the same one again it goes on where it
// stopped. An error is one that a repetition may overcome, or that nothing was begun; what fails for good is among the
// results, and the desk is told.
func (a *Automation) Apply(ctx context.Context, p chat.Principal, c chat.ConversationID, macro string, id chat.EventID) ([]StepResult, error) {
	if _, err := chat.Authorize(p, chat.CommandMacro); err != nil {
		return nil, err
	}
	if !id.Valid() {
		return nil, chat.Errorf(chat.CodeInvalid, "id: must be a well-formed id")
	}
	sc, err := a.visible(ctx, p, c)
	if err != nil {
		return nil, err
	}
	found, err := a.Catalog.Get(ctx, p, KindMacro, false, macro)
	if err != nil {
		return nil, err
	}
	p.Rule = macro
	results, err := a.take(ctx, p, sc, found.(*Macro).Steps, string(p.User)+"\x00"+string(id), clock(a.Now))
	if err != nil {
		return nil, err
	}
	failure := ""
	if i := slices.IndexFunc(results, func(r StepResult) bool { return r.Outcome == StepFailed }); i >= 0 {
		failure = results[i].Reason
	}
	return results, a.tell(ctx, p, sc, string(p.User)+"\x00"+string(id), failure)
}

// Trial is what a rule would do.
type Trial struct {
	// Applies says whether the rule would act. A rule that is not enabled is tried like any other.
	Applies bool `json:"applies"`
	// On is the type of event that it was tried with.
	On chat.EventType `json:"on"`
	// Conditions with what they saw.
	Conditions []Checked `json:"conditions"`
	// Steps that would be taken, with the variables of texts filled in; none if it would not act.
	Steps []Step `json:"steps"`
	// Stopped says why it would not act although all conditions hold.
	Stopped string `json:"stopped,omitempty"`
}

// Sample is an event and facts to try a rule with.
type Sample struct {
	// On is the type of event; none for the one that the rule waits for.
	On chat.EventType `json:"on,omitempty"`
	// Facts by name, each with one value or several; those that are absent are empty.
	Facts map[string][]string `json:"facts"`
}

// Try shows what the rule would do with a sample. It changes nothing.
func Try(r Rule, s Sample) Trial {
	if s.On == "" {
		s.On = r.On
	}
	facts := Values{}
	for name, values := range s.Facts {
		facts[Fact(name)] = values
	}
	return trial(r, s.On, facts)
}

func trial(r Rule, on chat.EventType, facts Values) Trial {
	t := Trial{On: on, Steps: []Step{}}
	t.Applies, t.Conditions = r.Evaluate(on, facts)
	t.Conditions = append([]Checked{}, t.Conditions...)
	for i := range t.Conditions {
		t.Conditions[i].Was = append([]string{}, t.Conditions[i].Was...)
	}
	if t.Applies {
		t.Steps = append(t.Steps, r.Steps...)
	}
	return t
}

// TryOn shows what the rule would do with the newest event of a conversation that it waits for, among the newest 50 of each
// track; without one, with the newest of all. It changes nothing.
func (a *Automation) TryOn(ctx context.Context, p chat.Principal, r Rule, c chat.ConversationID) (Trial, error) {
	sc, err := a.visible(ctx, p, c)
	if err != nil {
		return Trial{}, err
	}
	if sc.event, sc.track, err = a.newest(ctx, p, c, r.On); err != nil {
		return Trial{}, err
	}
	sc.facts = sc.values()
	if err := a.returning(ctx, sc, r); err != nil {
		return Trial{}, unavailable(err)
	}
	t := trial(r, sc.event.Type, sc.facts)
	if chain := causes(sc.event); t.Applies && (slices.Contains(chain, r.ID) || len(chain) >= MaxDepth) {
		t.Applies, t.Stopped, t.Steps = false, "the event was caused by automation", []Step{}
	}
	values, err := a.variables(ctx, chat.ByRule(p.Workspace, r.ID), sc)
	for i, s := range t.Steps {
		if s.Kind == StepReply || s.Kind == StepNote {
			t.Steps[i].Value, _ = Render(s.Value, values)
		}
	}
	return t, err
}

// newest finds the newest event of the type, else the newest of the public track.
func (a *Automation) newest(ctx context.Context, p chat.Principal, c chat.ConversationID, on chat.EventType) (chat.Event, chat.Track, error) {
	var fallback chat.Event
	for _, t := range chat.Tracks() {
		page, err := a.Chat.Page(ctx, p, chat.PageQuery{Conversation: c, Track: t})
		if err != nil {
			return fallback, t, err
		}
		for _, e := range slices.Backward(page.Events) {
			if e.Type == on {
				return e, t, nil
			}
		}
		if n := len(page.Events); t == chat.Public && n > 0 {
			fallback = page.Events[n-1]
		}
	}
	return fallback, chat.Public, nil
}
