package dynamo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// The key schema. Keys are stored data: a change is a migration (pinned by TestKeysAreStoredData).
// Every partition begins with the workspace; the exceptions, marked !, are the look-ups that find one.
// Ids cannot contain the separator "#" (chat.IDBytes admits their alphabet only).
//
//	chat table                                    sort key               item
//	<workspace>#<conversation>                    H                      HEAD
//	                                              S                      STATE
//	                                              P<seq, 12 digits>      chunk of the public track, by its first seq
//	                                              D<seq, 12 digits>      chunk of the desk track
//	<workspace>#<user>                            O<conversation>        membership in an open conversation
//	                                              C<conversation>        membership in a closed one
//	                                              S<session>             session
//	                                              A                      account (staff)
//	<workspace>#waiting#<department>              <rank in ms, 13 digits>#<conv> waiting conversation
//	<workspace>#operators                         <user>                 how an operator stands to routing
//	<workspace>#subscriptions                     <id>                   integration subscription
//	<workspace>                                   W                      workspace settings
//	widget#<key>                               !  W                      widget key → workspace, allowed origins
//	email#<address>                            !  A                      staff sign-in address → workspace, user
//
//	connection table (expires)
//	<workspace>#<user>                            <connection>           a live socket, or g: the tombstone of one
//	<workspace>#desk                              <connection>           a live socket of staff, for broadcasts
//	<workspace>#<conversation>#<shard>            <connection>           listener beyond the 32 in HEAD
//	<workspace>#ticket#<hash>                     T                      one-time socket ticket
//	signin#<counter>                           !  N                      failed sign-ins of a quarter of an hour
type key struct{ pk, sk string }

const (
	skHead  = "H"
	skState = "S"
)

func partition(ref chat.Ref) string {
	return string(ref.Workspace) + "#" + string(ref.Conversation)
}

func headKey(ref chat.Ref) key  { return key{partition(ref), skHead} }
func stateKey(ref chat.Ref) key { return key{partition(ref), skState} }

func chunkPrefix(t chat.Track) string {
	if t == chat.Desk {
		return "D"
	}
	return "P"
}

// chunkKey names a chunk by its first seq; 12 digits keep text order equal to number order up to 10^12 events.
func chunkKey(ref chat.Ref, t chat.Track, first uint64) key {
	return key{partition(ref), fmt.Sprintf("%s%012d", chunkPrefix(t), first)}
}

func userPartition(w chat.WorkspaceID, u chat.UserID) string { return string(w) + "#" + string(u) }

func openKey(w chat.WorkspaceID, u chat.UserID, c chat.ConversationID) key {
	return key{userPartition(w, u), "O" + string(c)}
}

func closedKey(w chat.WorkspaceID, u chat.UserID, c chat.ConversationID) key {
	return key{userPartition(w, u), "C" + string(c)}
}

func sessionKey(w chat.WorkspaceID, u chat.UserID, s chat.SessionID) key {
	return key{userPartition(w, u), "S" + string(s)}
}

func accountKey(w chat.WorkspaceID, u chat.UserID) key { return key{userPartition(w, u), "A"} }

// waitingPartition names a department's queue, "" that of a workspace without departments. It is one partition, since
// it is read in order: DynamoDB's 1,000 write units a second for a partition are some 250 arrivals and assignments.
func waitingPartition(w chat.WorkspaceID, d chat.DepartmentID) string {
	return string(w) + "#waiting#" + string(d)
}

func waitingKey(ref chat.Ref, e chat.Waiting) key {
	return key{waitingPartition(ref.Workspace, e.Department), fmt.Sprintf("%013d#%s", rankOf(e), ref.Conversation)}
}

func splitWaitingKey(sk string) (rank string, c chat.ConversationID) {
	rank, conversation, _ := strings.Cut(sk, "#")
	return rank, chat.ConversationID(conversation)
}

func operatorKey(w chat.WorkspaceID, u chat.UserID) key {
	return key{string(w) + "#operators", string(u)}
}

func subscriptionKey(w chat.WorkspaceID, id string) key { return key{string(w) + "#subscriptions", id} }
func workspaceKey(w chat.WorkspaceID) key               { return key{string(w), "W"} }
func widgetKey(k string) key                            { return key{"widget#" + k, "W"} }
func emailKey(address string) key                       { return key{"email#" + address, "A"} }

func connectionKey(w chat.WorkspaceID, u chat.UserID, c chat.ConnectionID) key {
	return key{userPartition(w, u), string(c)}
}

func deskKey(w chat.WorkspaceID, c chat.ConnectionID) key {
	return key{string(w) + "#desk", string(c)}
}

func listenerKey(ref chat.Ref, shard int, c chat.ConnectionID) key {
	return key{partition(ref) + "#" + strconv.Itoa(shard), string(c)}
}

func ticketKey(w chat.WorkspaceID, hash string) key {
	return key{string(w) + "#ticket#" + hash, "T"}
}

// attemptKey names a counter of failed attempts to sign in, which identity names by kind, window and a hash. It
// begins with no workspace: the address that is tried may belong to none.
func attemptKey(counter string) key { return key{"signin#" + counter, "N"} }
