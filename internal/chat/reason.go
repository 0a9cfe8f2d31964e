package chat

// The reasons of edges in a conversation's life for which nobody has given one in words. Those of the public track are for
// customers, too: they say nothing of how the business works, or of its people. What routing went by, and why a
// conversation came back, is told on the desk track beside.
const (
	ReasonWrote       = "customer wrote"          // public: the conversation starts, or is taken up again
	ReasonStarted     = "started by the business" // public
	ReasonRouted      = "routed"                  // public; routing.decided says why to this one
	ReasonTaken       = "taken"                   // public: from the queue, by hand
	ReasonAccepted    = "accepted"                // public: an offer was
	ReasonAssigned    = "assigned by hand"        // public
	ReasonTakenOver   = "taken over"              // public
	ReasonTransferred = "transferred"             // public
	ReasonWaitsAgain  = "waits again"             // public; the desk knows why it came back
	ReasonEnded       = "ended by hand"           // public
	ReasonLeft        = "customer left"           // public
	ReasonPerson      = "a person was asked for"  // public
	ReasonBotSilent   = "the bot did not answer"  // public
	ReasonReopened    = "reopened by hand"        // public
	ReasonOpened      = "hours opened"            // public: what was left as a message enters the queue
	ReasonDeclined    = "declined"                // desk
	ReasonPutOff      = "put off by hand"         // desk
	ReasonWoken       = "woken by hand"           // desk
	ReasonSnoozeOver  = "snooze is over"          // desk
	ReasonExpired     = "offer expired"           // desk
	ReasonNoAnswer    = "no answer"               // desk
	ReasonNobodyWrote = "nobody wrote"            // desk
	ReasonOff         = "operator is off duty"    // desk
	ReasonGone        = "operator disconnected"   // desk
)

// sameReason says whether the reasons of two events with one id were meant to be the same. A version before this one
// stored none where nobody had given one.
func sameReason(a, b string) bool { return a == b || a == "" || b == "" }
