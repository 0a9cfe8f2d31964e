// Package contact knows the people on the other side: one contact per person, whatever device or channel they come
// by; who they have proved to be; and who is kept out.
//
// A contact is verified when the business itself has said who it is: by the token with which a customer identifies
// (a channel and an id that is the business's own), or through the API. What customers type about themselves never
// attaches them to a verified contact: it is noted, as unverified, on the contact of their own device. The package
// imports the standard library, internal/chat and internal/identity only.
package contact
