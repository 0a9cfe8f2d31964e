// Package virtual runs the backend under virtual time: the template's queues, tables, stream and schedule on the local
// stack's own engines and event source mappings, with the recursion stop in force, and the functions' handlers in the
// same process, in a bubble of testing/synctest. What takes a month there takes seconds here. Only tests import it.
package virtual
