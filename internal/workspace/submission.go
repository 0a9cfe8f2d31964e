package workspace

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

// Accepts checks what a customer hands in against the workspace's forms, from memory.
func (c *Cache) Accepts(ctx context.Context, w chat.WorkspaceID, s chat.Submission) error {
	config, err := c.Config(ctx, w)
	if err != nil {
		return err
	}
	return config.Accepts(s)
}

// Accepts returns chat.CodeInvalid, whose Fields name what is wrong, unless the submission fits the form that it is for.
// Without one, nothing was asked for. An address alone is no form: the customer wants to be answered there.
func (c *Config) Accepts(s chat.Submission) error {
	form := c.asked(s)
	switch {
	case form == nil && s.Form != "":
		return chat.Errorf(chat.CodeInvalid, "form: none that is shown here")
	case form == nil:
		form = &Form{}
	case !s.Starts && s.Form == "" && len(s.Answers) == 0:
		return nil
	}
	answers := maps.Clone(s.Answers)
	for name, value := range map[string]string{chat.AnswerMail: s.Mail, chat.AnswerPhone: s.Phone} {
		if value != "" && form.asks(name) {
			if answers == nil {
				answers = map[string]string{}
			}
			answers[name] = value
		}
	}
	return form.Accepts(answers)
}

// asked is the form that a submission is for; nil for none.
func (c *Config) asked(s chat.Submission) *Form {
	if s.Form == "" {
		use := FormBefore
		if s.Offline {
			use = FormOffline
		}
		return c.Form(use, s.Department)
	}
	i := slices.IndexFunc(c.Forms, func(f Form) bool {
		return f.ID == s.Form && f.Enabled && (f.Department == "" || f.Department == s.Department)
	})
	if i < 0 {
		return nil
	}
	return &c.Forms[i]
}

func (f *Form) asks(name string) bool {
	return slices.ContainsFunc(f.Fields, func(q FormField) bool { return q.Name == name })
}

// maxTold bounds how many answers that nobody asked for an error names.
const maxTold = 5

// Accepts returns chat.CodeInvalid, whose Fields name what is wrong, unless the answers fit the form. The error holds no
// answer.
func (f *Form) Accepts(answers map[string]string) error {
	wrong := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		switch {
		case f.asks(name):
		case !identifier(name):
			return chat.Errorf(chat.CodeInvalid, "fields: names are 1 to 40 letters, digits, - or _")
		case len(wrong) < maxTold:
			wrong[name] = "not asked for"
		}
	}
	for _, q := range f.Fields {
		if err := q.accepts(answers[q.Name]); err != nil {
			wrong[q.Name] = err.Error()
		}
	}
	if len(wrong) > 0 {
		return chat.WrongAnswers(wrong)
	}
	return nil
}

// accepts says what is wrong with an answer.
func (q *FormField) accepts(value string) error {
	switch {
	case q.Required && strings.TrimSpace(value) == "":
		return fmt.Errorf("required")
	case q.MaxLength > 0 && utf8.RuneCountInString(value) > q.MaxLength:
		return fmt.Errorf("at most %d characters", q.MaxLength)
	}
	return CheckValue(q.Kind, q.Choices, value)
}
