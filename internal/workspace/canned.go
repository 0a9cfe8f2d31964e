package workspace

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// Canned is a prepared answer. Variables stand in double braces: "Hello {{customer.name}}".
type Canned struct {
	Meta
	// Shortcut is what an operator types after "/": 1 to 40 letters, digits, "-" or "_". No two of those that everybody
	// shares have the same, nor two of one's own.
	Shortcut string `json:"shortcut"`
	// Title for lists, at most 100 bytes.
	Title string `json:"title,omitempty"`
	// Text with variables, such as "Hello {{customer.firstName|there}}": 1 to 8192 bytes. There are customer.name,
	// customer.firstName, customer.email, operator.name, operator.firstName, department.name, workspace.name,
	// conversation.id, "field.<name>" of the conversation and "customer.field.<name>" of the contact.
	Text string `json:"text"`
	// Department that it is meant for; none for all.
	Department chat.DepartmentID `json:"department,omitempty"`
}

// Variables are what texts may refer to. A field of the contact is "customer.field.<name>", one of the conversation
// "field.<name>".
func Variables() []string {
	return []string{"customer.name", "customer.firstName", "customer.email", "operator.name", "operator.firstName", "department.name", "workspace.name", "conversation.id"}
}

var variableFields = []string{"customer.field.", "field."}

func known(name string) bool {
	if slices.Contains(Variables(), name) {
		return true
	}
	return slices.ContainsFunc(variableFields, func(p string) bool { return strings.HasPrefix(name, p) && len(name) > len(p) })
}

// Render replaces the variables. A variable with an alternative, "{{customer.firstName|there}}", takes it where there
// is no value; one without becomes empty, and missing names it, so that an operator sees what a text lacks before
// sending it. What a value holds is never looked at again: a customer's name cannot bring in another variable.
func Render(text string, values map[string]string) (out string, missing []string) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{{")
		inside, after, closed := strings.Cut(rest, "}}")
		if !found || !closed {
			b.WriteString(text)
			return b.String(), missing
		}
		b.WriteString(before)
		name, alternative, hasAlternative := strings.Cut(inside, "|")
		name = strings.TrimSpace(name)
		value := values[name]
		switch {
		case !known(name):
			value = "{{" + inside + "}}"
		case value == "" && hasAlternative:
			value = alternative
		case value == "":
			missing = append(missing, name)
		}
		b.WriteString(value)
		text = after
	}
}

// checkVariables returns an error that names a variable that does not exist.
func checkVariables(text string) error {
	for {
		_, rest, found := strings.Cut(text, "{{")
		if !found {
			return nil
		}
		inside, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return fmt.Errorf("a variable is not closed: write }}")
		}
		name, _, _ := strings.Cut(inside, "|")
		if !known(strings.TrimSpace(name)) {
			return fmt.Errorf("there is no variable %.60q", strings.TrimSpace(name))
		}
		text = after
	}
}

// Check returns CodeInvalid, naming the field, unless the answer is well-formed.
func (c Canned) Check() error {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	switch {
	case c.Shortcut == "" || len(c.Shortcut) > 40 || strings.Trim(c.Shortcut, alphabet) != "":
		return chat.Errorf(chat.CodeInvalid, "shortcut: 1 to 40 letters, digits, - or _")
	case len(c.Title) > 100:
		return chat.Errorf(chat.CodeInvalid, "title: at most 100 bytes")
	case c.Text == "" || len(c.Text) > chat.MaxText:
		return chat.Errorf(chat.CodeInvalid, "text: 1 to %d bytes", chat.MaxText)
	}
	if err := checkDepartment(c.Department); err != nil {
		return err
	}
	if err := checkVariables(c.Text); err != nil {
		return chat.Errorf(chat.CodeInvalid, "text: %v", err)
	}
	return nil
}
