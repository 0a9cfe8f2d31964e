package world

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/password"
)

// AddAdmin makes an admin of a seeded workspace.
func (w *World) AddAdmin(ctx context.Context, ws Workspace) (Member, error) {
	m := Member{
		User: chat.UserID(chat.NewID(chat.UserPrefix, time.Now())), Role: chat.RoleAdmin, Password: rand.Text(),
		Email: "admin@" + strings.ToLower(rand.Text()[:16]) + ".example.com",
	}
	hash, err := password.Argon2id{}.Hash(m.Password)
	if err != nil {
		return m, err
	}
	registry := dynamo.Identity{Store: &dynamo.Store{API: w.store, Chat: w.table}}
	if err := registry.PutStaff(ctx, identity.Account{Workspace: ws.ID, User: m.User, Address: m.Email, Name: m.Email, Role: m.Role}, hash); err != nil {
		return m, fmt.Errorf("admin: %w", err)
	}
	return m, nil
}
