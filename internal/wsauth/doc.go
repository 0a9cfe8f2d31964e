// Package wsauth is the door of the socket: the Lambda authorizer that redeems a ticket, the handlers of
// $connect and $disconnect, and the one place that reads a principal back from what the authorizer left.
package wsauth
