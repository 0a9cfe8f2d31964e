package main

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/wsauth"
)

// contractVersion is the version of the whole contract: the major one is the socket's protocol.Version and the
// HTTP API's /v1. The minor one is raised with every release that adds something.
const contractVersion = "1.0.0"

const socketDescription = `One socket carries one user's conversations. Each frame is one JSON text of at most 32 KB, both ways.

A client sends commands, named by "action". Each has exactly one answer with the same "ref": its reply, or an error. The server also sends frames that nobody asked for, without a ref, and nothing at all before hello. A frame without a type is the gateway's own: the outcome of every unanswered frame is unknown, send those again, unchanged.

docs/protocol.md tells how a client keeps the promises: what it sends again, what it drops, when it reloads.`

// asyncAPI writes the AsyncAPI document of the socket (AsyncAPI 3.1.0). Operations are named and directed from the
// server's point of view, as AsyncAPI 3 demands: the server receives commands and sends pushes.
func asyncAPI(s schemas, examples map[string][]sample) json.RawMessage {
	parts := newComponents(s)
	var messages, channelMessages, operations object
	for _, f := range frames() {
		key := messageKey(f)
		messages = append(messages, member{key, asyncMessage(f, parts, examples[f.file()])})
		channelMessages = append(channelMessages, member{key, ref("#/components/messages/" + key)})
		if op := operationOf(f); op != nil {
			operations = append(operations, member{operationKey(f), op})
		}
	}
	return relocated(object{
		{"asyncapi", "3.1.0"},
		{"id", "urn:parley:socket"},
		{"info", object{
			{"title", "Parley socket"}, {"version", contractVersion}, {"description", socketDescription},
		}},
		{"defaultContentType", "application/json"},
		{"servers", servers()},
		{"channels", object{{"socket", object{
			{"address", "/live"},
			{"title", "The socket"},
			{"description", "Opened with ?ticket= of POST /v1/socket-tickets; a ticket opens one socket, within 30 s. The subprotocol " + wsauth.Subprotocol + " may be offered."},
			{"servers", []object{ref("#/servers/local"), ref("#/servers/aws")}},
			{"messages", channelMessages},
			{"bindings", object{{"ws", object{
				{"method", "GET"},
				{"query", object{{"type", "object"}, {"required", []string{"ticket"}}, {"properties", object{
					{"ticket", object{{"type", "string"}, {"description", "A one-time ticket."}}}}}}},
				{"bindingVersion", "0.1.0"},
			}}}},
		}}}},
		{"operations", operations},
		{"components", object{
			{"messages", messages},
			{"schemas", parts.object()},
			{"correlationIds", object{{"ref", object{
				{"description", "An answer repeats the ref of the command that it answers."}, {"location", "$message.payload#/ref"}}}}},
			{"securitySchemes", object{{"ticket", object{
				{"type", "httpApiKey"}, {"name", "ticket"}, {"in", "query"},
				{"description", "From POST /v1/socket-tickets of the HTTP API: one handshake, within 30 s, from the same origin."}}}}},
		}},
	})
}

func servers() object {
	security := []object{ref("#/components/securitySchemes/ticket")}
	return object{
		{"local", object{
			{"host", "127.0.0.1:8080"}, {"protocol", "ws"}, {"description", "The local stack: make run."}, {"security", security},
		}},
		{"aws", object{
			{"host", "{api}.execute-api.{region}.amazonaws.com"}, {"protocol", "wss"},
			{"description", "A deployed stack: the output SocketUrl."},
			{"variables", object{
				{"api", object{{"description", "The WebSocket API's id."}}},
				{"region", object{{"description", "The AWS region."}, {"default", "eu-central-1"}}},
			}},
			{"security", security},
		}},
	}
}

// messageKey is the name of a frame's struct: it is unique, where an action and a type may share a name.
func messageKey(f frame) string { return reflect.TypeOf(f.value).Name() }

func operationKey(f frame) string {
	if f.dir == toServer {
		return f.name
	}
	return "push" + strings.ToUpper(f.name[:1]) + f.name[1:]
}

func asyncMessage(f frame, parts *components, examples []sample) object {
	schema := parts.schemas.frame(f)
	summary, _, _ := strings.Cut(schema.Description, ". ")
	out := object{
		{"name", f.name}, {"title", messageKey(f)}, {"summary", strings.TrimSuffix(summary, ".") + "."},
		{"description", schema.Description},
	}
	if property(schema, "ref") != nil {
		out = append(out, member{"correlationId", ref("#/components/correlationIds/ref")})
	}
	out = append(out, member{"payload", parts.add(messageKey(f), schema)})
	if len(examples) > 0 {
		out = append(out, member{"examples", exampleList(examples)})
	}
	return out
}

func exampleList(examples []sample) []object {
	out := make([]object, len(examples))
	for i, e := range examples {
		out[i] = object{{"name", strings.ReplaceAll(e.Name, " ", "-")}, {"summary", e.Name}, {"payload", e.Payload}}
	}
	return out
}

func messageRef(key string) object { return ref("#/channels/socket/messages/" + key) }

// operationOf returns the operation of a command or a push; answers belong to their command's.
func operationOf(f frame) object {
	switch {
	case f.dir == toServer:
		return object{
			{"action", "receive"}, {"channel", ref("#/channels/socket")}, {"summary", "Command " + f.name + rolesOf(f.allowed())},
			{"messages", []object{messageRef(messageKey(f))}},
			{"reply", object{
				{"channel", ref("#/channels/socket")},
				{"messages", []object{messageRef(messageKey(byType(f.reply))), messageRef("Error")}},
			}},
		}
	case f.push:
		return object{
			{"action", "send"}, {"channel", ref("#/channels/socket")}, {"summary", "Push " + f.name + "."},
			{"messages", []object{messageRef(messageKey(f))}},
		}
	default:
		return nil
	}
}

// byType returns the server's frame of a type.
func byType(name string) frame {
	for _, f := range frames() {
		if f.dir == toClient && f.name == name {
			return f
		}
	}
	return frame{value: protocol.Error{}}
}

// rolesOf says who may issue the command, from the table of permissions.
func rolesOf(command chat.Command) string {
	var roles []string
	for _, r := range chat.Roles() {
		if chat.Allowed(r, command) != chat.Denied {
			roles = append(roles, string(r))
		}
	}
	return ": " + strings.Join(roles, ", ") + "."
}
