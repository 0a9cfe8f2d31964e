package dynamo

import (
	"crypto/sha256"

	"github.com/parley-chat/parley/internal/identity"
)

// Attributes of a session that is refreshed.
const (
	pairNumber   = "pn"
	pairSalt     = "ps"
	pairMarks    = "pm"
	pairRefresh  = "pr"
	pairBefore   = "pb"
	pairIssued   = "pi"
	pairTaken    = "pt"
	pairOld      = "po"
	pairOldUntil = "pu"
)

func setPair(it item, p identity.Pair) {
	if p.Number == 0 {
		return
	}
	it[pairNumber] = num(p.Number)
	for name, b := range map[string][sha256.Size]byte{
		pairSalt: p.Salt, pairMarks: p.Marks, pairRefresh: p.Refresh, pairBefore: p.Before, pairOld: p.OldAccess,
	} {
		if b != [sha256.Size]byte{} {
			it[name] = bin(b[:])
		}
	}
	setTime(it, pairIssued, p.Issued)
	setTime(it, pairOldUntil, p.OldUntil)
	setFlag(it, pairTaken, p.Taken)
}

func pairOf(it item) identity.Pair {
	p := identity.Pair{
		Number: uint32(getN(it, pairNumber)), Issued: getTime(it, pairIssued), OldUntil: getTime(it, pairOldUntil), Taken: getN(it, pairTaken) != 0,
	}
	copy(p.Salt[:], getB(it, pairSalt))
	copy(p.Marks[:], getB(it, pairMarks))
	copy(p.Refresh[:], getB(it, pairRefresh))
	copy(p.Before[:], getB(it, pairBefore))
	copy(p.OldAccess[:], getB(it, pairOld))
	return p
}
