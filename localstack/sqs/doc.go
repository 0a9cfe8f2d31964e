// Package sqs is an Amazon SQS engine for the local stack: standard and FIFO queues behind the AWS JSON 1.0
// protocol, in process. It implements what the project uses, with AWS's limits and errors, and refuses every
// other operation, attribute and parameter with AWS's own error; it never ignores one.
//
// Sources of behaviour: the Amazon SQS API Reference and Developer Guide (pages "Quotas related to messages",
// "FIFO queue delivery logic", "Using dead-letter queues", "Message metadata"), and for what they leave open
// recordings of the real service that other projects publish.
//
// # Shape
//
// Messages live in memory under one lock, which is never held during I/O, JSON or hashing. A queue keeps its
// messages in groups (a standard queue too: a MessageGroupId there names a tenant) and the groups that have
// something to receive in a ring, so that a receive costs the same however long the queue is. Delays and
// visibility time-outs lie in a heap; they are settled at each operation on the queue and by one timer per
// queue, which wakes long polls.
//
// # Durability
//
// With a journal attached, sends, deletes, receive counts, moves and queue changes are answered only once they
// are on disk. Visibility time-outs are not kept: after a crash messages in flight are visible again, in order.
package sqs
