package workspace_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
)

const (
	within  = "q_01kaw3v4x0cccccccccccccccc"
	retired = "q_01kaw3v4x0dddddddddddddddd"
)

// TestWhatFormsAccept: which form a submission is for, what of it does not fit, and that no error tells an answer.
func TestWhatFormsAccept(t *testing.T) {
	t.Parallel()
	ask := func(name string, kind workspace.FieldKind, more ...string) workspace.FormField {
		return workspace.FormField{Name: name, Kind: kind, Choices: more}
	}
	must := func(q workspace.FormField) workspace.FormField { q.Required = true; return q }
	note := ask("note", workspace.FieldText)
	note.MaxLength = 5
	long := note
	long.MaxLength = 1001
	code(t, (&workspace.Form{Use: workspace.FormWithin, Fields: []workspace.FormField{long}}).Check(), chat.CodeInvalid, "fields[0].maxLength")
	c := &workspace.Config{Forms: []workspace.Form{
		{Use: workspace.FormBefore, Enabled: true, Fields: []workspace.FormField{must(ask("email", workspace.FieldMail)), ask("size", workspace.FieldChoice, "S", "L"), note}},
		{Use: workspace.FormBefore, Enabled: true, Department: sales, Fields: []workspace.FormField{ask("budget", workspace.FieldNumber), ask("since", workspace.FieldDate)}},
		{Use: workspace.FormOffline, Enabled: true, Fields: []workspace.FormField{must(ask("phone", workspace.FieldPhone))}},
		{Meta: workspace.Meta{ID: within}, Use: workspace.FormWithin, Enabled: true, Department: sales, Fields: []workspace.FormField{must(ask("iban", workspace.FieldText))}},
		{Meta: workspace.Meta{ID: retired}, Use: workspace.FormWithin, Fields: []workspace.FormField{ask("iban", workspace.FieldText)}},
	}}
	type answers = map[string]string
	for name, test := range map[string]struct {
		chat.Submission
		want map[string]string
	}{
		"complete":                       {chat.Submission{Starts: true, Answers: answers{"email": "a@b", "size": "S", "note": "öäüßé"}}, nil},
		"mail stands for email":          {chat.Submission{Starts: true, Mail: "a@b"}, nil},
		"not filled in":                  {chat.Submission{Starts: true}, answers{"email": "required"}},
		"blank":                          {chat.Submission{Starts: true, Answers: answers{"email": "  "}}, answers{"email": "required"}},
		"everything is told":             {chat.Submission{Starts: true, Answers: answers{"email": "hidden", "size": "hidden", "note": "hidden"}}, answers{"email": "must be an e-mail address", "size": "must be one of its choices", "note": "at most 5 characters"}},
		"nobody asked":                   {chat.Submission{Starts: true, Mail: "a@b", Answers: answers{"iban": "hidden"}}, answers{"iban": "not asked for"}},
		"nothing is required":            {chat.Submission{Starts: true, Department: sales}, nil},
		"its own department's":           {chat.Submission{Starts: true, Department: sales, Answers: answers{"budget": "hidden", "since": "hidden"}}, answers{"budget": "must be a number", "since": "must be a date such as 2026-12-25"}},
		"a lead nobody asked for":        {chat.Submission{Starts: true, Department: sales, Mail: "a@b", Phone: "110"}, nil},
		"offline":                        {chat.Submission{Starts: true, Offline: true, Mail: "a@b"}, answers{"phone": "required"}},
		"offline, with a bad phone":      {chat.Submission{Starts: true, Offline: true, Answers: answers{"phone": "hidden"}}, answers{"phone": "must be a telephone number"}},
		"an address alone, at any time":  {chat.Submission{Phone: "110"}, nil},
		"answers at any time":            {chat.Submission{Answers: answers{"size": "L"}}, answers{"email": "required"}},
		"by its id":                      {chat.Submission{Form: within, Department: sales, Answers: answers{"iban": "DE1"}}, nil},
		"by its id, not filled in":       {chat.Submission{Form: within, Department: sales, Mail: "a@b"}, answers{"iban": "required"}},
		"of another department":          {chat.Submission{Form: within, Answers: answers{"iban": "DE1"}}, answers{}},
		"retired":                        {chat.Submission{Form: retired, Answers: answers{"iban": "DE1"}}, answers{}},
		"a name that is no field's name": {chat.Submission{Starts: true, Mail: "a@b", Answers: answers{"hidden!": "x"}}, answers{}},
	} {
		err := c.Accepts(test.Submission)
		var refused *chat.Error
		if errors.As(err, &refused) != (test.want != nil) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if test.want == nil {
			continue
		}
		if refused.Code != chat.CodeInvalid || strings.Contains(refused.Message, "hidden") || !cmp.Equal(test.want, refused.Fields) && len(test.want)+len(refused.Fields) > 0 {
			t.Errorf("%s: %v, %v", name, refused, refused.Fields)
		}
	}
	if err := (&workspace.Config{}).Accepts(chat.Submission{Answers: answers{"topic": "x"}}); chat.CodeOf(err) != chat.CodeInvalid {
		t.Errorf("without any form: %v", err)
	}
	code(t, (&workspace.Config{}).Accepts(chat.Submission{Starts: true, Mail: "a@b"}), "", "")
}
