// Package front is the one front door of the local stack: every AWS call of functions and tools enters here. By the
// access key it knows which function, and which process of it, is calling. It checks the function's policy, injects
// faults, meters, and hands the call to an engine in process or to a server elsewhere (Remote).
//
// It speaks the JSON 1.0 protocol of DynamoDB, DynamoDB Streams and SQS (the operation is in X-Amz-Target), and passes
// /{stage}/@connections/{id} on to the gateway. Signatures are not verified: a key is made at random for each process
// at each start and serves as the secret.
package front
