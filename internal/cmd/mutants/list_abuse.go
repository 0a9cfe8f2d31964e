package main

var (
	people   = []string{"./internal/identity/..."}
	contacts = []string{"./internal/contact"}
	routes   = []string{"./internal/httpapi"}
	issuers  = []string{"./internal/oidc"}
	tokens   = []string{"./internal/customertoken"}
)

// abuse lists doors left open. The table of docs/security.md names the attack that comes in by each.
func abuse() []Mutant {
	return []Mutant{
		{"an invitation taken twice", "internal/dynamo/identity.go",
			`Key: k.item(), ConditionExpression: aws.String("attribute_exists(pk)"),`, `Key: k.item(),`, store},
		{"a link is good for anything", "internal/identity/invitation.go",
			"	if inv.User != \"\" {\n		return Account{}, linkInvalid()\n	}\n", "", people},
		{"a link of somebody who was let go", "internal/identity/invitation.go", "if !ok || !by.admin() {", "if !ok && !by.admin() {", people},
		{"a link's secret is not compared", "internal/identity/invitation.go",
			"inv.Digest[:]) != 1 || !ok", "inv.Digest[:]) > 1 || !ok", people},
		{"links are guessed without limit", "internal/identity/invitation.go", "if n > LinkAttempts {", "if n > 1000*LinkAttempts {", people},
		{"passwords are guessed without limit", "internal/identity/staff.go", "if n > a.limit {", "if n > 1000*a.limit {", people},
		{"each IPv6 address is a source", "internal/identity/staff.go", "network := Network(source)", "network := source", people},
		{"an unknown address costs no hash", "internal/identity/staff.go",
			"if !s.Passwords.Verify(credential.PasswordHash, password) || !known {", "if !known || !s.Passwords.Verify(credential.PasswordHash, password) {", people},
		{"another's address in lower case", "internal/identity/staff.go", " || strings.ContainsFunc(address, becomesASCII)", "", people},
		{"a name that reorders text", "internal/identity/account.go", "unicode.IsControl(r) || Invisible(r) }", "unicode.IsControl(r) }", people},
		{"a picture by any scheme", "internal/identity/profile.go", `u.Scheme != "https" || `, "", routes},
		{"made-up refresh tokens sign people out", "internal/identity/refresh.go",
			"token.mark[:]) != 1 || !ok", "token.mark[:]) > 1 || !ok", people},
		{"a signed-out session's sockets go on", "internal/identity/session.go",
			"		return sessionUnknown()\n	}\n	return s.stands(now)\n", "		return sessionUnknown()\n	}\n	return nil\n", people},
		{"a token's secret is not compared", "internal/identity/session.go", "if !session.knows(token) || !ok {", "if !session.knows(token) && !ok {", people},
		{"a ticket from any page", "internal/identity/ticket.go", "case ticket.Origin != origin:", "case ticket.Origin == \"\" && origin != \"\":", people},
		{"a ticket of others is explained", "internal/identity/ticket.go",
			"if !hmac.Equal(code[:], text.code[:]) || own", "if !hmac.Equal(code[:], text.code[:]) && own", people},
		{"a page whose address begins like ours", "internal/identity/workspace.go", "	if port[0] != ':' ||", "	if", people},
		{"a sign-on is finished by any page", "internal/identity/signon.go",
			"|| subtle.ConstantTimeCompare([]byte(proof), []byte(h.Challenge)) != 1 {", "|| subtle.ConstantTimeCompare([]byte(proof), []byte(h.Challenge)) > 1 {", issuers},
		{"visitors without number", "internal/identity/customer.go", "if n > StartsPerSource {", "if n > 1000*StartsPerSource {", contacts},

		{"the token says which algorithm", "internal/customertoken/customertoken.go",
			"if t.Method.Alg() != string(found.Algorithm) {", `if found.Algorithm == "" {`, tokens},
		{"what is critical is overlooked", "internal/customertoken/customertoken.go",
			`t.Header["crit"]; critical {`, `t.Header["crit"]; critical && t == nil {`, tokens},
		{"an identity of another workspace", "internal/identity/customer_identity.go",
			"case len(c.Audience) != 1 || c.Audience[0] != string(w):", "case len(c.Audience) != 1:", contacts},
		{"an identity for ever", "internal/identity/customer_identity.go", "now.Add(MaxCustomerTokenLife + CustomerTokenSkew)", "now.Add(1e6 * MaxCustomerTokenLife)", contacts},
		{"the session before an identity goes on", "internal/contact/identify.go",
			"s.Customers.Sessions.Revoke(ctx, opened.Session); errors", "error(nil); errors", contacts},
		{"a banned visitor comes back", "internal/contact/ban.go", "		if b.Holds(now) {\n			return banned()", "		if b.Holds(now) && u == \"\" {\n			return banned()", contacts},

		{"an ID token for another sign-in", "internal/oidc/token.go", "if nonce != nil && subtle", "if nonce != nil && *nonce == \"\" && subtle", issuers},
		{"an ID token for another program", "internal/oidc/token.go", "case t.Party != \"\" && t.Party != client, t.Party", "case t.Party", issuers},
		{"an issuer inside", "internal/oidc/client.go", "if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || reserved(ip) {", "if !ip.IsGlobalUnicast() && !ip.IsLoopback() {", issuers},
		{"an issuer that sends elsewhere", "internal/oidc/client.go", "return http.ErrUseLastResponse }", "return nil }", issuers},

		{"a cursor of another list", "internal/httpapi/cursor.go", " || found.List != c.listOf()", "", routes},
		{"an idempotency key of another", "internal/httpapi/idempotency.go", "chat.RequestKey{Workspace: p.Workspace, User: p.User, Key", "chat.RequestKey{Workspace: p.Workspace, Key", routes},
		{"members that nobody documented", "internal/httpapi/request.go", "	decoder.DisallowUnknownFields()\n", "", routes},
		{"bodies of any length", "internal/httpapi/request.go", "case len(body) > most:", "case len(body) > 100*most:", routes},
		{"the caller says where the API is", "internal/httpapi/lambda.go", "r.Host = event.RequestContext.DomainName", `r.Host = event.Headers["host"]`, routes},
		{"requests without number", "internal/httpapi/ratelimit.go", "if left < 0 {", "if left < -1e6 {", routes},
		{"each IPv6 address is a caller", "internal/httpapi/ratelimit.go", "caller = identity.Network(caller)", "_ = identity.Network", routes},
		{"addresses are logged whole", "internal/httpapi/api.go", `attributes := []any{"route", route.pattern,`, `attributes := []any{"route", c.URL.String(),`, routes},
		{"a route without its command", "internal/httpapi/contacts_bans.go", `"POST /v1/bans", command: chat.CommandBan,`, `"POST /v1/bans",`, routes},

		{"a customer writes without limit", "internal/chat/rate.go", "if n > rate.Messages {", "if n > 100*rate.Messages {", domain},
		{"a page that is a script", "internal/chat/visitor.go", ` || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "" || u.Opaque != ""`, "", domain},
	}
}
