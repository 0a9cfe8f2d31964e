package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/parley-chat/parley/internal/chat"
)

// protocolPath is the document for client authors; parts of it are generated.
const protocolPath = "docs/protocol.md"

// protocolDoc returns the document with its generated parts renewed.
func protocolDoc(root string, s schemas, examples map[string][]sample) ([]byte, error) {
	doc, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(protocolPath)))
	if err != nil {
		return nil, err
	}
	parts := map[string]string{"errors": errorTable(errorList(s.comments)), "log": eventTable(), "statuses": statusTable(s.comments)}
	for _, f := range frames() {
		if f.dir == toServer {
			parts["commands"] += frameSection(s, f, examples[f.file()])
		} else {
			parts["frames"] += frameSection(s, f, examples[f.file()])
		}
	}
	parts["types"] = typeSection(s)
	for name, content := range parts {
		if doc, err = replacePart(doc, name, content); err != nil {
			return nil, fmt.Errorf("%s: %w", protocolPath, err)
		}
	}
	return doc, nil
}

// readmePath is the contract's own introduction, with the table of events.
const readmePath = contractDir + "/README.md"

// readme returns the introduction with its generated part renewed.
func readme(root string) ([]byte, error) {
	doc, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(readmePath)))
	if err != nil {
		return nil, err
	}
	for name, content := range map[string]string{"log": eventTable(), "own": ownTable()} {
		if doc, err = replacePart(doc, name, content); err != nil {
			return nil, fmt.Errorf("%s: %w", readmePath, err)
		}
	}
	return doc, nil
}

// statusTable lists the statuses, and what customers see of each.
func statusTable(c *comments) string {
	var b strings.Builder
	b.WriteString("| status | the conversation | customers see | led by |\n|---|---|---|---|\n")
	for _, s := range chat.Statuses() {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", s, c.values["chat.Status."+string(s)], s.Shown(), leader(s))
	}
	return b.String()
}

// leader says in words who leads a conversation of that status.
func leader(s chat.Status) string {
	if s.Over() {
		return "nobody"
	}
	return map[chat.Control]string{chat.ControlBot: "the bot", chat.ControlQueue: "nobody yet", chat.ControlOperator: "its operator"}[s.Control()]
}

// replacePart puts content between the markers of that name.
func replacePart(doc []byte, name, content string) ([]byte, error) {
	begin := []byte("<!-- generated: " + name + " -->\n")
	end := []byte("<!-- end: " + name + " -->")
	i := bytes.Index(doc, begin)
	j := bytes.Index(doc, end)
	if i < 0 || j < i {
		return nil, fmt.Errorf("no part between %q and %q", bytes.TrimSpace(begin), end)
	}
	var out bytes.Buffer
	out.Write(doc[:i+len(begin)])
	out.WriteString("\n" + strings.TrimSpace(content) + "\n\n")
	out.Write(doc[j:])
	return out.Bytes(), nil
}

func errorTable(list ErrorList) string {
	var b strings.Builder
	b.WriteString("| code | meaning | outcome | what a client does |\n|---|---|---|---|\n")
	for _, e := range list.Codes {
		outcome := e.Outcome
		if e.Retryable {
			outcome += ", retryable"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", e.Code, e.Meaning, outcome, e.Client)
	}
	return b.String()
}

// frameSection documents one frame: what it is, its fields, who may send it, its answer, and a recorded example.
func frameSection(s schemas, f frame, examples []sample) string {
	schema := s.frame(f)
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n%s\n\n", f.name, schema.Description)
	if f.dir == toServer {
		fmt.Fprintf(&b, "Who%s Answer: `%s`.\n\n", rolesOf(f.allowed()), f.reply)
	}
	fieldTable(&b, schema)
	for _, e := range examples {
		fmt.Fprintf(&b, "\n%s:\n\n```json\n%s\n```\n", strings.ToUpper(e.Name[:1])+e.Name[1:], folded(e.Payload))
	}
	b.WriteString("\n")
	return b.String()
}

// typeSection documents the types that frames are made of.
func typeSection(s schemas) string {
	var b strings.Builder
	done := map[string]bool{}
	for _, f := range frames() {
		schema := s.frame(f)
		first := []string{"Cursor", "NewMessage", "Event", "Detail", "Decision", "Candidate", "Snapshot", "TrackView", "Participant", "Acked", "TrackHeads", "WaitingEntry"}
		for _, name := range append(first, slices.Sorted(maps.Keys(schema.Definitions))...) {
			def := schema.Definitions[name]
			if def == nil || done[name] || def.Properties.Len() == 0 {
				continue
			}
			done[name] = true
			fmt.Fprintf(&b, "### %s\n\n%s\n\n", name, def.Description)
			fieldTable(&b, def)
			b.WriteString("\n")
		}
	}
	return b.String()
}

func fieldTable(b *strings.Builder, s *jsonschema.Schema) {
	b.WriteString("| field | type | |\n|---|---|---|\n")
	for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
		name, p := pair.Key, pair.Value
		if p.Const != nil {
			fmt.Fprintf(b, "| `%s` | always `%v` | |\n", name, p.Const)
			continue
		}
		optional := ", optional"
		for _, r := range s.Required {
			if r == name {
				optional = ""
			}
		}
		fmt.Fprintf(b, "| `%s` | %s%s | %s |\n", name, typeText(p), optional, strings.ReplaceAll(p.Description, "|", "\\|"))
	}
}

// typeText says a schema in a few words.
func typeText(s *jsonschema.Schema) string {
	switch {
	case s.Ref != "":
		return strings.TrimPrefix(s.Ref, "#/$defs/")
	case s.Type == "array":
		return "list of " + typeText(s.Items) + counted(s.MinItems, s.MaxItems, "")
	case s.Type == "object" && s.AdditionalProperties != nil:
		by := "text"
		if s.PropertyNames != nil {
			by = typeText(s.PropertyNames)
		}
		return "map of " + typeText(s.AdditionalProperties) + " by " + by + counted(nil, s.MaxProperties, "")
	case s.Type == "string":
		return "text" + counted(s.MinLength, s.MaxLength, " characters")
	case s.Type == "integer" && s.Maximum != "" && s.Maximum != "9007199254740991" && s.Maximum != "4294967295":
		return "number, " + string(s.Minimum) + " to " + string(s.Maximum)
	case s.Type == "integer" && s.Minimum != "0" && s.Minimum != "":
		return "number from " + string(s.Minimum)
	case s.Type == "integer":
		return "number"
	case s.Type == "boolean":
		return "true or false"
	default:
		return s.Type
	}
}

func counted(least, most *uint64, of string) string {
	switch {
	case most == nil:
		return ""
	case least == nil:
		return fmt.Sprintf(", at most %d%s", *most, of)
	default:
		return fmt.Sprintf(", %d to %d%s", *least, *most, of)
	}
}

var short = regexp.MustCompile(`\n\s+`)

// folded writes JSON with one line per member of the outermost object.
func folded(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return string(raw)
	}
	const deep = "\n    "
	var out []string
	for _, line := range strings.Split(b.String(), "\n") {
		inner := strings.HasPrefix("\n"+line, deep) || len(out) > 0 && (line == "  }" || line == "  }," || line == "  ]" || line == "  ],")
		if inner && len(out) > 0 {
			out[len(out)-1] += " " + short.ReplaceAllString(strings.TrimSpace(line), " ")
			continue
		}
		out = append(out, line)
	}
	text := strings.Join(out, "\n")
	return strings.NewReplacer("{ ", "{", " }", "}", "[ ", "[", " ]", "]").Replace(text)
}
