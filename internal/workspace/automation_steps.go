package workspace

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// StepOutcome is what became of a step.
type StepOutcome string

// The outcomes of a step.
const (
	StepDone    StepOutcome = "done"
	StepFailed  StepOutcome = "failed"
	StepSkipped StepOutcome = "skipped" // one before it has failed
)

// StepOutcomes lists them.
func StepOutcomes() []StepOutcome { return []StepOutcome{StepDone, StepFailed, StepSkipped} }

// StepResult is a step with what became of it.
type StepResult struct {
	Step
	// Outcome is done, failed, or skipped where one before it has failed.
	Outcome StepOutcome `json:"outcome"`
	// Code and Reason of a failure.
	Code   chat.Code `json:"code,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// take takes the steps in order, up to the first that fails for good. Each has an id made of the call's, so that a
// repetition goes on where the one before stopped. An error is one that a repetition may overcome.
func (a *Automation) take(ctx context.Context, p chat.Principal, sc *scene, steps []Step, call string, at time.Time) ([]StepResult, error) {
	var out []StepResult
	failed := false
	for i, s := range steps {
		result := StepResult{Step: s, Outcome: StepSkipped}
		if !failed {
			err := a.step(ctx, p, sc, s, derived(call, "step", strconv.Itoa(i)), at)
			code := chat.CodeOf(err)
			if err != nil && (code.Retryable() || code == chat.CodeInternal) {
				return out, err
			}
			result.Outcome = StepDone
			if failed = err != nil; failed {
				result.Outcome, result.Code, result.Reason = StepFailed, code, message(err)
			}
		}
		out = append(out, result)
	}
	return out, nil
}

func message(err error) string {
	var named *chat.Error
	if errors.As(err, &named) {
		return named.Message
	}
	return err.Error()
}

// step takes one step and pushes what it has committed.
func (a *Automation) step(ctx context.Context, p chat.Principal, sc *scene, s Step, id chat.EventID, at time.Time) error {
	out, err := a.command(ctx, p, sc, s, id, at)
	if moot(s.Kind, chat.CodeOf(err)) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.Deliver.Committed(ctx, p, out)
}

// moot says that the step failed because it is as it should be.
func moot(k StepKind, code chat.Code) bool {
	return k == StepClose && code == chat.CodeClosed || (k == StepAssign || k == StepDepartment) && code == chat.CodeAlreadyAssigned
}

func (a *Automation) command(ctx context.Context, p chat.Principal, sc *scene, s Step, id chat.EventID, at time.Time) (*chat.Outcome, error) {
	c := sc.head.Conversation
	on := func(t chat.Track) chat.Step { return chat.Step{Conversation: c, After: sc.after(t), ID: id} }
	switch s.Kind {
	case StepReply, StepNote:
		return a.say(ctx, p, sc, s, id)
	case StepTag:
		return a.Chat.Tag(ctx, p, on(chat.Desk), []string{s.Value}, nil)
	case StepUntag:
		return a.Chat.Tag(ctx, p, on(chat.Desk), nil, []string{s.Value})
	case StepField:
		return a.Chat.SetFields(ctx, p, on(chat.Desk), map[string]string{s.Name: s.Value})
	case StepPriority:
		n, err := strconv.Atoi(s.Value)
		if err != nil {
			return nil, chat.Errorf(chat.CodeInvalid, "priority: not a number")
		}
		return a.Chat.SetPriority(ctx, p, on(chat.Desk), n)
	case StepDepartment:
		return a.Chat.Transfer(ctx, p, chat.Transfer{Step: on(chat.Public), Department: chat.DepartmentID(s.Value)})
	case StepAssign:
		return a.Chat.Assign(ctx, p, on(chat.Public), chat.UserID(s.Value))
	case StepSnooze:
		n, err := strconv.Atoi(s.Value)
		if err != nil {
			return nil, chat.Errorf(chat.CodeInvalid, "snooze: not a number of minutes")
		}
		return a.Chat.Snooze(ctx, p, on(chat.Desk), at.Add(time.Duration(n)*time.Minute))
	case StepClose:
		step := on(chat.Public)
		step.Reason = s.Value
		return a.Chat.Close(ctx, p, step)
	}
	return nil, chat.Errorf(chat.CodeInvalid, "kind: none that macros know")
}

func (a *Automation) say(ctx context.Context, p chat.Principal, sc *scene, s Step, id chat.EventID) (*chat.Outcome, error) {
	values, err := a.variables(ctx, p, sc)
	if err != nil {
		return nil, err
	}
	text, _ := Render(s.Value, values)
	if strings.TrimSpace(text) == "" {
		return nil, chat.Errorf(chat.CodeInvalid, "text: empty, since its variables have no value")
	}
	t := chat.Public
	if s.Kind == StepNote {
		t = chat.Desk
	}
	return a.Chat.Post(ctx, p, chat.Sending{
		Conversation: sc.head.Conversation, Track: t, After: sc.after(t), Messages: []chat.NewMessage{{ID: id, Text: text}},
	})
}

// variables are the values of the variables of texts. The operator is who writes, or whose conversation it is.
func (a *Automation) variables(ctx context.Context, p chat.Principal, sc *scene) (map[string]string, error) {
	h := sc.head
	values := map[string]string{"conversation.id": string(h.Conversation)}
	for name, value := range sc.state.Fields {
		values[factField+name] = value
	}
	values["customer.email"], values["customer.name"] = sc.state.Fields[chat.LeadMail], sc.state.Fields["name"]
	if d := sc.config.Department(h.Department); d != nil {
		values["department.name"] = d.Name
	}
	operator := h.Assignee
	if p.Role != chat.RoleSystem {
		operator = p.User
	}
	if a.Who != nil {
		who, err := a.Who(ctx, h.Workspace, sc.state.Customer, operator)
		if err != nil {
			return nil, unavailable(err)
		}
		for name, value := range who {
			if value != "" {
				values[name] = value
			}
		}
	}
	for _, name := range []string{"customer", "operator"} {
		values[name+".firstName"], _, _ = strings.Cut(values[name+".name"], " ")
	}
	return values, nil
}
