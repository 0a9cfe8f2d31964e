package policy

// Match reports whether s fits a pattern in which * stands for any run of characters and ? for any single one
// (IAM user guide, "IAM JSON policy elements: Resource"). The comparison is case-sensitive.
func Match(pattern, s string) bool {
	// Greedy with one point to come back to: a later * makes an earlier one's choice irrelevant.
	p, i := 0, 0
	star, resume := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			resume++
			p, i = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
