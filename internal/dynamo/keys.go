package dynamo

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/workspace"
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
//	                                              P                      what a member of staff's desk remembers for them
//	                                              E<seq, 12 digits>      event of an operator's own log
//	<workspace>#waiting#<department>              <rank in ms, 13 digits>#<conv> waiting conversation
//	<workspace>#staff                             <user>                 account of a member of staff
//	                                              V                      version of the roster: counts admins lost
//	<workspace>#invitations                       <id>                   invitation, or link to set a password
//	<workspace>#keys                              <user>                 API key
//	<workspace>#bots                              <user>                 bot
//	<workspace>#audit#<month>                     <id>                   entry of the audit log
//	<workspace>#oidc#<link>                       L                      somebody at the identity provider → user
//	<workspace>#operators                         <user>                 how an operator stands to routing
//	                                              K                      user → contact
//	<workspace>#<contact>                         C                      contact, or where it was merged into
//	                                              E<seq, 12 digits>      event of the contact's own log
//	<workspace>#external#<channel>#<external id>  X                      identity → contact
//	<workspace>#address#<kind>#<address>          <contact>              verified address → contact
//	<workspace>#names#<first letter>              <name, folded>#<contact>  beginning of a name → contact
//	<workspace>#bans                              <id>                   ban
//	<workspace>#banned#<user, or hash>            B                      the ban that a user or a network address is under
//	<workspace>#identity                          <id>                   key of the business's tokens for customers
//	<workspace>#tag#<tag>                         <start in ms, 13 digits>#<conv> a conversation with the tag
//	<workspace>#routing                           D<department>          when a department's conversations were given out
//	<workspace>#config                            <kind>#<id>            settings, departments, fields, forms, greetings, rules
//	<workspace>#library                           <kind>#<id>            shared tags, canned responses, macros, views
//	<workspace>#own#<user>                        <kind>#<id>            somebody's own canned responses and views
//	<workspace>#articles                          <id>                   card of a help article: what lists and searches need
//	<workspace>#article#<id>                      T                      its text
//	<workspace>#runs#<rule>                       <ms, 13 digits>#<id>   run of an automation rule; expires
//	<workspace>#mentions#<user>                   <ms, 13 digits>#<conv>#<seq, 12 digits> note that mentions the user; expires
//	<workspace>#subscriptions                     <id>                   integration subscription
//	<workspace>                                   W                      workspace settings
//	                                              I                      identity provider
//	<workspace>#widgets                           <key>                  widget key, as the list has it
//	widget#<key>                               !  W                      widget key → workspace, allowed origins
//	email#<address>                            !  A                      staff sign-in address → workspace, user
//	due#<Unix minute, 8 digits>#<shard>        !  <kind>#<workspace>#…   timer that is due in that minute
//	due                                        !  C                      up to which minute they were enqueued
//	active#<shard>                             !  <workspace>            workspace that the minute's sweep looks after
//
//	indexes of the chat table, of STATE only: keys, sorted by gt, <start in ms, 13 digits>#<conv>
//	departments, by gd                            <workspace>#department#<O, or C when over>#<department>
//	operators, by go                              <workspace>#operator#<O|C>#<assignee>
//	customers, by gc                              <workspace>#customer#<O|C>#<customer>
//
//	connection table (expires)
//	<workspace>#<user>                            <connection>           a live socket, or g: the tombstone of one
//	<workspace>#desk                              <connection>           a live socket of staff, and its open views
//	<workspace>#live                              V                      what the live desk was shown last, and when
//	<workspace>#visitors#<shard>                  <user>                 who is on the site, and on which page
//	<workspace>#<conversation>#<shard>            <connection>           listener beyond the 32 in HEAD
//	<workspace>#ticket#<hash>                     T                      one-time socket ticket
//	<workspace>#positions                         D<department>          when those who wait are told next how it stands
//	<workspace>#token#<hash>                      J                      customer's token that was used
//	<workspace>#once#<user>#<key>                 K                      request with an Idempotency-Key, and its answer
//	<workspace>#signon#<hash>                     F                      sign-in at the identity provider, under way
//	                                              H                      the same, succeeded
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

func accountKey(w chat.WorkspaceID, u chat.UserID) key { return key{string(w) + "#staff", string(u)} }
func rosterKey(w chat.WorkspaceID) key                 { return key{string(w) + "#staff", "V"} }

func invitationKey(w chat.WorkspaceID, id string) key { return key{string(w) + "#invitations", id} }
func providerKey(w chat.WorkspaceID) key              { return key{string(w), "I"} }
func linkKey(w chat.WorkspaceID, external string) key {
	return key{string(w) + "#oidc#" + external, "L"}
}
func flowKey(w chat.WorkspaceID, hash string) key     { return key{string(w) + "#signon#" + hash, "F"} }
func handoverKey(w chat.WorkspaceID, hash string) key { return key{string(w) + "#signon#" + hash, "H"} }

// principalKey names an API key or a bot.
func principalKey(w chat.WorkspaceID, role chat.Role, id chat.UserID) key {
	if role == chat.RoleBot {
		return key{string(w) + "#bots", string(id)}
	}
	return key{string(w) + "#keys", string(id)}
}

// auditKey names an entry in its month (UTC), so that no partition grows for ever; ids sort by time.
func auditKey(w chat.WorkspaceID, at time.Time, id string) key {
	return key{string(w) + "#audit#" + at.UTC().Format("2006-01"), id}
}

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

// shelfPartition names a list of conversations: in an index, or, for tags, in the table. A tag may hold anything, and
// comes last.
func shelfPartition(s chat.Shelf) string {
	if s.Kind == chat.ShelfTag {
		return string(s.Workspace) + "#tag#" + s.Name
	}
	open := "O"
	if s.Over {
		open = "C"
	}
	return string(s.Workspace) + "#" + string(s.Kind) + "#" + open + "#" + s.Name
}

// listedKey is the sort key in such a list.
func listedKey(l chat.Listed) string {
	return fmt.Sprintf("%013d#%s", l.Started.UnixMilli(), l.Conversation)
}

func splitListedKey(sk string) chat.Listed {
	ms, conversation, _ := strings.Cut(sk, "#")
	n, _ := strconv.ParseInt(ms, 10, 64)
	return chat.Listed{Started: timeOf(n), Conversation: chat.ConversationID(conversation)}
}

func tagKey(ref chat.Ref, tag string, started time.Time) key {
	return key{shelfPartition(chat.Shelf{Workspace: ref.Workspace, Kind: chat.ShelfTag, Name: tag}), listedKey(chat.Listed{Started: started, Conversation: ref.Conversation})}
}

func operatorKey(w chat.WorkspaceID, u chat.UserID) key {
	return key{string(w) + "#operators", string(u)}
}

// maxSeq is the last seq that a sort key has room for.
const maxSeq = 999_999_999_999

// ownEventKey names an event of the own log of an operator or a contact, in the partition of whoever it is about.
func ownEventKey(s chat.Subject, seq uint64) key {
	return key{string(s.Workspace) + "#" + s.ID, fmt.Sprintf("E%012d", seq)}
}

func operatorEventKey(w chat.WorkspaceID, u chat.UserID, seq uint64) key {
	return ownEventKey(chat.Subject{Workspace: w, ID: string(u)}, seq)
}

func operatorEventSeq(sk string) uint64 {
	seq, _ := strconv.ParseUint(strings.TrimPrefix(sk, "E"), 10, 64)
	return seq
}

func assignmentsKey(w chat.WorkspaceID, d chat.DepartmentID) key {
	return key{string(w) + "#routing", "D" + string(d)}
}

// entryKey names a document of the workspace's own making.
func entryKey(p workspace.Place, id string) key {
	return key{entryPartition(p.Workspace, p.Shelf(), p.Owner), string(p.Kind) + "#" + id}
}

func entryPartition(w chat.WorkspaceID, s workspace.Shelf, owner chat.UserID) string {
	if s == workspace.ShelfOwn {
		return string(w) + "#own#" + string(owner)
	}
	return string(w) + "#" + string(s)
}

func splitEntryKey(sk string) (workspace.Kind, string) {
	kind, id, _ := strings.Cut(sk, "#")
	return workspace.Kind(kind), id
}

func cardKey(w chat.WorkspaceID, id string) key { return key{string(w) + "#articles", id} }
func articleKey(w chat.WorkspaceID, id string) key {
	return key{string(w) + "#article#" + id, "T"}
}

func runKey(w chat.WorkspaceID, r workspace.Run) key {
	return key{string(w) + "#runs#" + r.Rule, fmt.Sprintf("%013d#%s", r.At, r.ID)}
}

func mentionPartition(w chat.WorkspaceID, u chat.UserID) string {
	return string(w) + "#mentions#" + string(u)
}

// mentionKey names a mention by what it is, so that the relay may write it again.
func mentionKey(w chat.WorkspaceID, m chat.Mention) key {
	return key{mentionPartition(w, m.User), fmt.Sprintf("%s#%012d", listedKey(chat.Listed{Started: m.At, Conversation: m.Conversation}), m.Seq)}
}

func subscriptionKey(w chat.WorkspaceID, id string) key { return key{string(w) + "#subscriptions", id} }
func workspaceKey(w chat.WorkspaceID) key               { return key{string(w), "W"} }
func widgetKey(k string) key                            { return key{"widget#" + k, "W"} }
func emailKey(address string) key                       { return key{"email#" + address, "A"} }

func widgetRowKey(w chat.WorkspaceID, k string) key { return key{string(w) + "#widgets", k} }

func preferencesKey(w chat.WorkspaceID, u chat.UserID) key { return key{userPartition(w, u), "P"} }

func connectionKey(w chat.WorkspaceID, u chat.UserID, c chat.ConnectionID) key {
	return key{userPartition(w, u), string(c)}
}

func deskKey(w chat.WorkspaceID, c chat.ConnectionID) key {
	return key{string(w) + "#desk", string(c)}
}

func liveKey(w chat.WorkspaceID) key { return key{string(w) + "#live", "V"} }

// visitorShards is over how many partitions a workspace's visitors are spread: stored data like the keys, though only for
// the minutes of a stay. Each takes 1,000 page views a second.
const visitorShards = 8

func visitorPartition(w chat.WorkspaceID, shard int) string {
	return string(w) + "#visitors#" + strconv.Itoa(shard)
}

func visitorKey(w chat.WorkspaceID, u chat.UserID) key {
	return key{visitorPartition(w, int(hashOf(string(u))%visitorShards)), string(u)}
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

// requestKey names a request by the hash of its Idempotency-Key.
func requestKey(k chat.RequestKey) key {
	return key{string(k.Workspace) + "#once#" + string(k.User) + "#" + k.Key, "K"}
}

// duePartition names a shard of a minute's timers. It begins with no workspace, nor does activeKey: the sweep is for
// all of them.
func duePartition(minute time.Time, shard int) string {
	return fmt.Sprintf("due#%08d#%d", minute.Unix()/60, shard)
}

// dueKey names a timer by what it is: the same timer again has the same key.
func dueKey(minute time.Time, t chat.Timer) key {
	sk := fmt.Sprintf("%s#%s#%s#%s#%s#%s#%d#%d", t.Kind, t.Workspace, t.Conversation, t.Department, t.User, t.Clock, t.Version, t.After)
	return key{duePartition(minute, int(hashOf(sk)%chat.DueShards)), sk}
}

func sweptKey() key { return key{"due", "C"} }

func activePartition(shard int) string { return "active#" + strconv.Itoa(shard) }

func activeKey(w chat.WorkspaceID) key {
	return key{activePartition(int(hashOf(string(w)) % chat.ActiveShards)), string(w)}
}

// hashOf is FNV-1a, by which rows are spread over shards: stored data like the keys.
func hashOf(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // never fails
	return h.Sum32()
}

func positionKey(w chat.WorkspaceID, d chat.DepartmentID) key {
	return key{string(w) + "#positions", "D" + string(d)}
}

// The rows of a contact. Its own lie in a partition of their own, like a user's; external ids, addresses and names may
// hold anything, and come last.
func contactKey(w chat.WorkspaceID, id contact.ID) key {
	return key{string(w) + "#" + string(id), skContact}
}

// skContact is the sort key of a contact's card.
const skContact = "C"

func contactEventKey(w chat.WorkspaceID, id contact.ID, seq uint64) key {
	return ownEventKey(chat.Subject{Workspace: w, ID: string(id)}, seq)
}

func userContactKey(w chat.WorkspaceID, u chat.UserID) key { return key{userPartition(w, u), "K"} }

func externalKey(w chat.WorkspaceID, i contact.Identity) key {
	return key{string(w) + "#external#" + i.Channel + "#" + i.External, "X"}
}

func addressKey(w chat.WorkspaceID, kind contact.AddressKind, value, id string) key {
	return key{string(w) + "#address#" + string(kind) + "#" + value, id}
}

// nameKey names a row that finds a contact by the folded name, in a partition for each first letter.
func nameKey(w chat.WorkspaceID, folded string, id contact.ID) key {
	return key{namePartition(w, folded), folded + "#" + string(id)}
}

func namePartition(w chat.WorkspaceID, folded string) string {
	_, size := utf8.DecodeRuneInString(folded)
	return string(w) + "#names#" + folded[:size]
}

func banKey(w chat.WorkspaceID, id string) key { return key{string(w) + "#bans", id} }

// bannedKey names the ban of a user's id, or of the hash of a network address: neither looks like the other.
func bannedKey(w chat.WorkspaceID, who string) key { return key{string(w) + "#banned#" + who, "B"} }

func identityKeyKey(w chat.WorkspaceID, id string) key { return key{string(w) + "#identity", id} }

func tokenKey(w chat.WorkspaceID, hash string) key { return key{string(w) + "#token#" + hash, "J"} }
