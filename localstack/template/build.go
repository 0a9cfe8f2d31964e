package template

import (
	"encoding/json"
	"strings"
)

// buildPlan resolves every resource and turns it into its part of the plan.
func (l *loader) buildPlan() {
	for _, r := range l.resources {
		l.checkDepends(r)
		place := r.props
		if r.props = l.resolve(r.props); r.props == nil {
			r.props = place.at(dict)
		}
	}
	for _, r := range l.resources {
		switch r.typ {
		case typeTable:
			l.plan.Tables = append(l.plan.Tables, l.table(r))
		case typeQueue:
			l.plan.Queues = append(l.plan.Queues, l.queue(r))
		case typeFunction:
			l.plan.Functions = append(l.plan.Functions, l.function(r))
		case typePermission, typeAlias, typeVersion, typeRole:
			l.readAside(r)
		}
	}
	for _, r := range l.resources {
		switch r.typ {
		case typeMapping:
			l.mapping(r)
		case typeRule:
			l.rule(r)
		case typeSchedule:
			l.schedule(r)
		}
	}
	l.apis()
}

func (l *loader) checkDepends(r *resource) {
	if r.depends == nil {
		return
	}
	names := []*node{r.depends}
	if r.depends.kind == list {
		names = r.depends.item
	}
	for _, name := range names {
		if _, problem := l.find(name.text); problem != "" && !l.absent[name.text] {
			l.fail(name, "DependsOn: %s", problem)
		}
	}
}

// readAside checks resources that other parts of the plan look at, and that are no part of it themselves.
func (l *loader) readAside(r *resource) {
	o := l.object(r.props, r.typ)
	switch r.typ {
	case typePermission:
		o.drop("Action", "FunctionName", "Principal", "SourceArn", "SourceAccount")
	case typeAlias:
		o.need("FunctionName")
		o.drop("Name", "FunctionVersion", "Description", "ProvisionedConcurrencyConfig")
		o.refuse("RoutingConfig", "only one version runs locally")
	case typeVersion:
		o.drop("FunctionName", "Description", "CodeSha256", "ProvisionedConcurrencyConfig", "RuntimePolicy")
	case typeRole:
		o.drop("AssumeRolePolicyDocument", "Policies", "ManagedPolicyArns", "RoleName", "Path", "Tags", "PermissionsBoundary", "Description", "MaxSessionDuration")
	}
	o.done()
}

// functionOf finds the function that a name, an ARN (with an alias or without) or an invocation URI means.
func (l *loader) functionOf(n *node) string {
	if n == nil {
		return ""
	}
	name := n.text
	if before, ok := strings.CutSuffix(name, "/invocations"); ok {
		name = before[strings.LastIndex(before, "/")+1:]
	}
	for _, r := range l.resources {
		if r.typ != typeFunction {
			continue
		}
		arn := l.functionARN(l.physical(r))
		if name == l.physical(r) || name == arn || strings.HasPrefix(name, arn+":") {
			return r.id
		}
	}
	if !n.bad {
		l.fail(n, "%q is no function of this template", n.text)
	}
	return ""
}

// queueByARN finds a queue of the plan.
func (l *loader) queueByARN(arn string) *Queue {
	for i := range l.plan.Queues {
		if l.plan.Queues[i].ARN == arn {
			return &l.plan.Queues[i]
		}
	}
	return nil
}

// statements reads the statements of a policy document.
func (l *loader) statements(document *node) []Statement {
	o := l.object(document, "a policy document")
	o.drop("Version", "Id")
	written := o.need("Statement")
	o.done()
	if written == nil {
		return nil
	}
	if written.kind == dict {
		written = written.seq(written)
	}
	var made []Statement
	for _, n := range l.items(written) {
		made = append(made, l.statement(n))
	}
	return made
}

func (l *loader) statement(n *node) Statement {
	o := l.object(n, "a statement")
	made := Statement{Sid: o.str("Sid", ""), Effect: o.oneOf("Effect", "", "Allow", "Deny"), Actions: o.strs("Action"), Resources: o.strs("Resource")}
	if cond := o.get("Condition"); cond != nil {
		condition, err := json.Marshal(cond)
		if err != nil {
			l.fail(cond, "%v", err)
		}
		made.Condition = condition
	}
	for _, name := range []string{"NotAction", "NotResource"} {
		o.refuse(name, "the local stack does not enforce "+name+": list what is meant")
	}
	if made.Effect == "" {
		l.fail(n, "a statement needs Effect Allow or Deny")
	}
	if len(made.Actions) == 0 || len(made.Resources) == 0 {
		l.fail(n, "a statement needs Action and Resource")
	}
	o.done()
	return made
}
