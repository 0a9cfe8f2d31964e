package main

import (
	"maps"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/identity"
	settings "github.com/parley-chat/parley/internal/workspace"
)

// maxIP is longer than any network address in text: an IPv6 one takes 45 characters (RFC 4291 section 2.2).
const maxIP = 64

// deskLimits are those of the live desk.
func deskLimits() map[string]limit {
	priority := between(chat.MinPriority, chat.MaxPriority)
	return map[string]limit{
		"protocol.Desk.Views": items(0, len(chat.DeskViews())), "protocol.Desk.Departments": items(0, chat.MaxDeskDepartments),
		"protocol.Visit.Page": length(0, chat.MaxPage), "protocol.Visit.Title": length(0, chat.MaxTitle),
		"protocol.Visit.Referrer": length(0, chat.MaxReferrer), "protocol.DeskConversation.Priority": priority,
		"protocol.DeskQueue.Entries":              items(0, chat.QueueShown),
		"protocol.DeskColleagues.Operators":       items(0, chat.ColleaguesShown),
		"protocol.DeskVisitors.Visitors":          items(0, chat.VisitorsShown),
		"protocol.DeskSupervision.Conversations":  items(0, chat.SupervisedShown),
		"httpapi.VisitorList.Visitors":            items(0, chat.MaxVisitors),
		"httpapi.OperatorRequest.Capacity":        between(1, chat.MaxCapacity),
		"httpapi.OperatorRequest.Departments":     items(0, identity.MaxDepartments),
		"httpapi.OperatorRequest.Skills":          items(0, chat.MaxSkills),
		"httpapi.OperatorEvent.Seq":               between(1, 0),
		"httpapi.CustomerSessionRequest.Identity": length(0, identity.MaxCustomerToken),
		"httpapi.IdentifyRequest.Identity":        length(1, identity.MaxCustomerToken),
		"httpapi.IdentityKeyRequest.PublicKey":    length(0, identity.MaxPublicKey),
		"httpapi.IdentityKeyList.Keys":            items(0, identity.MaxIdentityKeys),
	}
}

// peopleLimits are those of staff, their sessions, keys and sign-on.
func peopleLimits() map[string]limit {
	name, departments := length(1, identity.MaxName), items(0, identity.MaxDepartments)
	address, setting := length(3, identity.MaxAddress), length(1, identity.MaxSetting)
	secret, password := length(1, 0), length(1, identity.MaxPassword) // of 10 bytes, which may be fewer characters
	grants := items(1, len(chat.Grants()))
	return map[string]limit{
		"httpapi.StaffChange.Name": name, "httpapi.StaffChange.Departments": departments,
		"httpapi.InvitationRequest.Email": address, "httpapi.InvitationRequest.Name": length(0, identity.MaxName),
		"httpapi.InvitationRequest.Departments": departments,
		"httpapi.AcceptRequest.Token":           secret, "httpapi.AcceptRequest.Name": length(0, identity.MaxName), "httpapi.AcceptRequest.Password": password,
		"httpapi.ResetRequest.Token": secret, "httpapi.ResetRequest.Password": password,
		"httpapi.PasswordChange.Current": length(1, identity.MaxPassword), "httpapi.PasswordChange.Password": password,
		"httpapi.KeyRequest.Name": name, "httpapi.KeyRequest.Grants": grants, "httpapi.APIKeyList.Keys": items(0, identity.MaxKeys),
		"httpapi.BotRequest.Name": name, "httpapi.BotRequest.Grants": grants, "httpapi.BotList.Bots": items(0, identity.MaxKeys),
		"httpapi.BotChange.Name": name, "httpapi.BotChange.Grants": grants,
		"httpapi.AuditList.Entries": items(0, identity.MaxAudit),
		"httpapi.Provider.ClientID": setting, "httpapi.Provider.Secret": length(0, identity.MaxSetting), "httpapi.Provider.GroupsClaim": length(0, identity.MaxSetting),
		"httpapi.Provider.Issuer": both(format("uri"), length(0, identity.MaxSetting)), "httpapi.Provider.Scopes": items(0, identity.MaxScopes),
		"httpapi.Provider.Mappings": items(1, identity.MaxMappings), "httpapi.Provider.Domains": items(0, identity.MaxDomains),
		"httpapi.GroupMapping.Group": setting, "httpapi.GroupMapping.Departments": departments,
	}
}

// contactLimits are those of contacts, leads and bans.
func contactLimits() map[string]limit {
	out := map[string]limit{
		"httpapi.ContactIdentity.Channel": length(1, contact.MaxChannel), "httpapi.ContactIdentity.ExternalID": length(1, contact.MaxExternal),
		"httpapi.BanRequest.IP": length(0, maxIP), "httpapi.BanRequest.Reason": length(0, contact.MaxReason), "httpapi.Ban.Reason": length(0, contact.MaxReason),
	}
	for _, body := range []string{"httpapi.ContactEdit.", "httpapi.ContactCard.", "httpapi.LeadRequest."} {
		maps.Copy(out, map[string]limit{
			body + "Name": length(0, contact.MaxName), body + "Fields": most(contact.MaxFields), body + "Consents": items(0, contact.MaxConsents),
			body + "Locale": length(0, contact.MaxLocale), body + "TimeZone": length(0, contact.MaxZone),
		})
	}
	for _, body := range []string{"httpapi.ContactEdit.", "httpapi.ContactCard."} {
		out[body+"Identities"], out[body+"Addresses"] = items(0, contact.MaxIdentities), items(0, contact.MaxAddresses)
	}
	out["httpapi.ContactCard.Users"], out["httpapi.ContactCard.Goals"] = items(0, contact.MaxUsers), items(0, contact.MaxGoals)
	return out
}

// commandLimits are those of the commands' twins in the HTTP API; the socket's frames have the same.
func commandLimits() map[string]limit {
	priority := between(chat.MinPriority, chat.MaxPriority)
	messages := items(1, chat.MaxMessages)
	return map[string]limit{
		"httpapi.CommandRequest.Reason": length(0, chat.MaxReason), "httpapi.TransferRequest.Note": length(0, chat.MaxText),
		"httpapi.RateRequest.Score": between(1, 5), "httpapi.RateRequest.Comment": length(0, chat.MaxComment),
		"httpapi.FormRequest.Fields": most(chat.MaxFields), "httpapi.FieldsRequest.Fields": most(chat.MaxFields),
		"httpapi.FormRequest.Mail": length(0, chat.MaxMail), "httpapi.FormRequest.Phone": length(0, chat.MaxPhone),
		"httpapi.TagRequest.Tags": items(0, chat.MaxTags), "httpapi.TagRequest.Untagged": items(0, chat.MaxTags),
		"httpapi.PriorityRequest.Priority": priority, "httpapi.ConversationState.Priority": priority,
		"httpapi.MessagesRequest.Messages": messages, "httpapi.MessageRequest.Text": length(1, chat.MaxText),
		"httpapi.MessageRequest.Mentions":         items(0, chat.MaxMentions),
		"httpapi.NewConversationRequest.Messages": messages, "httpapi.NewConversationRequest.Priority": priority,
		"httpapi.NewConversationRequest.Page": length(0, chat.MaxPage), "httpapi.NewConversationRequest.Skills": items(0, chat.MaxSkills),
		"httpapi.NewConversationRequest.Fields": most(chat.MaxFields),
		"httpapi.NewConversationRequest.Mail":   length(0, chat.MaxMail), "httpapi.NewConversationRequest.Phone": length(0, chat.MaxPhone),
		"httpapi.Rating.Score": between(1, 5), "httpapi.Rating.Comment": length(0, chat.MaxComment),
	}
}

// settingLimits are those of what a workspace sets for itself.
func settingLimits() map[string]limit {
	name, text, order := length(1, settings.MaxName), length(0, settings.MaxText), between(0, settings.MaxOrder)
	conditions, steps := items(0, settings.MaxConditions), items(1, settings.MaxSteps)
	return map[string]limit{
		"workspace.Settings.AuditDays": between(settings.MinAuditDays, settings.MaxAuditDays),
		"workspace.Department.Name":    name, "workspace.Department.Skills": items(0, chat.MaxSkills),
		"workspace.Department.Greeting": text, "workspace.Department.Offline": text,
		"workspace.Hours.Holidays": items(0, settings.MaxHolidays), "workspace.Holiday.Spans": items(0, settings.MaxSpans),
		"workspace.Holiday.Name": length(0, settings.MaxName),
		"workspace.Field.Name":   length(1, chat.MaxFieldName), "workspace.Field.Label": length(0, settings.MaxName), "workspace.Field.Choices": items(0, settings.MaxChoices),
		"workspace.Tag.Name":    length(1, chat.MaxTag),
		"workspace.Form.Fields": items(1, settings.MaxFormFields), "workspace.FormField.Name": length(1, chat.MaxFieldName),
		"workspace.FormField.Label": length(0, settings.MaxName), "workspace.FormField.Choices": items(0, settings.MaxChoices), "workspace.Form.Text": text,
		"workspace.Greeting.Name": name, "workspace.Greeting.Order": order, "workspace.Greeting.Text": length(1, settings.MaxText),
		"workspace.View.Name": name, "workspace.View.Order": order, "workspace.Filter.Tag": length(0, chat.MaxTag),
		"workspace.Rule.Name": name, "workspace.Rule.Order": order, "workspace.Rule.Conditions": conditions, "workspace.Rule.Steps": steps,
		"workspace.Condition.Value": length(0, settings.MaxValue), "workspace.Step.Value": length(0, settings.MaxValue),
		"workspace.Step.Name": length(0, chat.MaxFieldName), "workspace.Macro.Name": name, "workspace.Macro.Steps": steps,
		"workspace.Canned.Text":      length(1, chat.MaxText),
		"workspace.Article.Markdown": length(1, settings.MaxArticle), "workspace.Card.Title": length(1, settings.MaxTitle),
		"workspace.Card.Slug": length(1, settings.MaxSlug), "workspace.Card.Tags": items(0, settings.MaxArticleTags),
		"workspace.Widget.Title": length(0, settings.MaxName), "workspace.Widget.Welcome": text, "workspace.Widget.Offline": text, "workspace.Widget.Waiting": text,
	}
}
