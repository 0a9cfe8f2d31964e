package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/identity"
)

// workspaceOptions are the flags of workspace.
type workspaceOptions struct {
	table, name, admin string
	desk, shop         origins
	workspace          string
}

// runWorkspace makes a workspace and the link by which its first admin joins; or, for one that is there, such a link
// alone: for the day when nobody can sign in any more.
func runWorkspace(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	args, env, err := throughStack(ctx, args, env)
	if err != nil {
		fmt.Fprintln(stderr, "parley workspace:", err)
		return 1
	}
	o, err := parseWorkspace(args, env, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	client, err := newDynamoDB(env)
	if err == nil {
		err = makeWorkspace(ctx, dynamo.Identity{Store: &dynamo.Store{API: client, Chat: o.table}}, o, time.Now(), stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "parley workspace:", err)
		return 1
	}
	return 0
}

func parseWorkspace(args []string, env func(string) string, stderr io.Writer) (workspaceOptions, error) {
	var o workspaceOptions
	flags := flag.NewFlagSet("parley workspace", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.String("stack", "", "`address` of a running local stack, such as 127.0.0.1:8080, which knows all the rest; given first")
	flags.StringVar(&o.table, "chat-table", env("CHAT_TABLE"), "name of the chat table (or CHAT_TABLE)")
	flags.StringVar(&o.name, "name", "", "what the workspace is called; customers see it")
	flags.StringVar(&o.admin, "admin", "", "e-mail `address` of the admin who gets the link")
	flags.Var(&o.desk, "desk", "`origin` that the desk runs on; may be repeated")
	flags.Var(&o.shop, "origin", "`origin` of a page that the widget runs on; may be repeated")
	flags.StringVar(&o.workspace, "workspace", "", "`id` of a workspace that is there: makes an admin's link only")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	err := o.check(flags.NArg())
	if err != nil {
		fmt.Fprintln(stderr, "parley workspace:", err)
	}
	return o, err
}

func (o workspaceOptions) check(extra int) error {
	_, mail := identity.NormalizeAddress(o.admin)
	switch {
	case extra > 0:
		return errors.New("no arguments are expected behind the flags")
	case o.table == "":
		return errors.New("-chat-table or CHAT_TABLE is needed")
	case !mail:
		return errors.New("-admin must be an e-mail address")
	case o.workspace != "" && !chat.WorkspaceID(o.workspace).Valid():
		return errors.New("-workspace must be the id of one")
	case o.workspace == "" && (o.name == "" || len(o.name) > identity.MaxName):
		return fmt.Errorf("-name must have 1 to %d bytes", identity.MaxName)
	}
	return nil
}

// makeWorkspace writes the workspace, its widget key and the link, and prints them.
func makeWorkspace(ctx context.Context, store dynamo.Identity, o workspaceOptions, now time.Time, stdout io.Writer) error {
	id := chat.WorkspaceID(o.workspace)
	if id == "" {
		id = chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, now))
		widget := identity.Widget{Key: chat.NewID(identity.WidgetPrefix, now), Workspace: id, Name: o.name, Origins: o.shop, Version: 1, Created: now.UnixMilli()}
		if err := store.PutWorkspace(ctx, identity.Workspace{ID: id, Name: o.name, Origins: o.desk, Version: 1}); err != nil {
			return err
		}
		if err := store.PutWidget(ctx, widget); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "workspace   %s  %s\nwidget key  %s\n", id, o.name, widget.Key)
	}
	if _, ok, err := store.Workspace(ctx, id); err != nil || !ok {
		return errors.Join(err, fmt.Errorf("there is no workspace %s", id))
	}
	return link(ctx, store, id, o.admin, stdout)
}

// link prints a token: to join as an admin, or, where the address has an account of the workspace's, to set a new
// password for it.
func link(ctx context.Context, store dynamo.Identity, id chat.WorkspaceID, address string, stdout io.Writer) error {
	people := &identity.People{Accounts: store, Roster: store, Sessions: &identity.Sessions{Store: store}, Audit: &identity.Audit{Store: store}}
	system := identity.By{Principal: chat.Principal{Workspace: id, User: chat.SystemUser, Role: chat.RoleAdmin}}
	normal, _ := identity.NormalizeAddress(address)
	known, taken, err := store.Credential(ctx, normal)
	if err != nil {
		return err
	}
	if taken && known.Workspace == id {
		i, token, err := people.IssueReset(ctx, system, known.User, "")
		if err != nil {
			return err
		}
		return printLink(stdout, "password", "password-resets", normal, token, i.Expires)
	}
	i, token, err := people.Invite(ctx, system, identity.Offer{Address: normal, Role: chat.RoleAdmin})
	if err != nil {
		return err
	}
	return printLink(stdout, "admin", "invitations", normal, token, i.Expires)
}

func printLink(stdout io.Writer, what, path, address, token string, until time.Time) error {
	_, err := fmt.Fprintf(stdout, "%-10s  %s\ntoken       %s\n            for POST /v1/%s/accept, once, until %s\n",
		what, address, token, path, until.UTC().Format(time.RFC3339))
	return err
}
