// Package journal is the durable memory of the local stack: one checksummed append-only log that the engines
// (tables, queues, stream positions) share, with group commit.
//
// An engine keeps its state in memory and appends a record for every change while it holds its own lock, so
// that the log has the order in which the changes happened. It answers its caller after Wait. One goroutine
// writes: whatever was appended during one fsync goes out with the next, so 64 concurrent callers cost
// hardly more fsyncs than one.
//
// Guarantees: what Wait acknowledged survives a kill of the process, and a loss of power if the disk honours
// fsync. A log that was cut short in its last, never acknowledged batch is repaired; a log whose bytes are
// all there but wrong is refused, because guessing would lose acknowledged data in silence. After a failed
// write or fsync nothing is acknowledged any more: the kernel may have dropped the dirty pages, and a later
// fsync that succeeds would prove nothing about them.
package journal
