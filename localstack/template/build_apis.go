package template

import (
	"slices"
	"strings"
	"time"
)

// defaultIntegrationTimeout is API Gateway's maximum, and what it uses without TimeoutInMillis (29 s for a WebSocket
// API, 30 s for an HTTP API: "Amazon API Gateway quotas").
const (
	defaultIntegrationTimeout = 29 * time.Second
	defaultHTTPTimeout        = 30 * time.Second
)

// gateway is an AWS::ApiGatewayV2::Api with the resources that belong to it.
type gateway struct {
	r                                      *resource
	protocol                               string
	routes, integrations, responses, authz []*resource
	stage                                  *resource
}

// apis gathers the ApiGatewayV2 resources by API and builds each.
func (l *loader) apis() {
	var all []*gateway
	byID := map[string]*gateway{}
	for _, r := range l.resources {
		if r.typ == typeAPI {
			g := &gateway{r: r, protocol: r.props.get("ProtocolType").scalar("HTTP")}
			all = append(all, g)
			byID[apiID(r.id)] = g
		}
	}
	for _, r := range l.resources {
		switch r.typ {
		case typeRoute, typeIntegration, typeRouteResponse, typeAuthorizer, typeStage, typeDeployment:
			l.belong(r, byID)
		}
	}
	for _, g := range all {
		switch g.protocol {
		case "WEBSOCKET":
			l.plan.Sockets = append(l.plan.Sockets, l.socketAPI(g))
		case "HTTP":
			l.plan.HTTPAPIs = append(l.plan.HTTPAPIs, l.httpAPI(g))
		default:
			l.fail(g.r.props, "protocol %q is neither WEBSOCKET nor HTTP", g.protocol)
		}
	}
}

// scalar returns the text of a node, which may be nil.
func (n *node) scalar(fallback string) string {
	if !n.isText() || n.bad {
		return fallback
	}
	return n.text
}

// belong files a resource under its API.
func (l *loader) belong(r *resource, byID map[string]*gateway) {
	api := l.object(r.props, r.typ).need("ApiId")
	if api == nil {
		return
	}
	g := byID[api.scalar("")]
	if g == nil {
		l.fail(api, "%q is no API of this template", api.text)
		return
	}
	switch r.typ {
	case typeRoute:
		g.routes = append(g.routes, r)
	case typeIntegration:
		g.integrations = append(g.integrations, r)
	case typeRouteResponse:
		g.responses = append(g.responses, r)
	case typeAuthorizer:
		g.authz = append(g.authz, r)
	case typeStage:
		if g.stage != nil {
			l.fail(r.place, "the local stack runs one stage per API; %s has another in line %d", g.r.id, g.stage.place.line)
		}
		g.stage = r
	}
}

// socketAPI builds a WebSocket API.
func (l *loader) socketAPI(g *gateway) SocketAPI {
	o := l.object(g.r.props, g.r.typ)
	made := SocketAPI{LogicalID: g.r.id, APIID: apiID(g.r.id), RouteSelection: o.needStr("RouteSelectionExpression")}
	o.drop("Name", "ProtocolType", "Description", "Tags", "DisableExecuteApiEndpoint", "IpAddressType", "ApiKeySelectionExpression", "DisableSchemaValidation", "FailOnWarnings", "Version")
	o.done()
	answering := l.routeResponses(g)
	integrations := map[string]integration{}
	for _, r := range g.integrations {
		integrations[r.id] = l.integration(g, r, defaultIntegrationTimeout)
	}
	for _, r := range g.routes {
		route, auth := l.socketRoute(r, integrations, answering)
		if slices.ContainsFunc(made.Routes, func(other SocketRoute) bool { return other.Key == route.Key }) {
			l.fail(r.place, "route %q is declared twice", route.Key)
		}
		made.Routes = append(made.Routes, route)
		if auth != nil {
			made.Authorizer = l.authorizer(g, auth)
		}
	}
	l.socketStage(g, &made)
	return made
}

// routeResponses reads the RouteResponse resources and returns the routes that have one.
func (l *loader) routeResponses(g *gateway) map[string]bool {
	made := map[string]bool{}
	for _, r := range g.responses {
		o := l.object(r.props, r.typ)
		route, key := o.need("RouteId"), o.needStr("RouteResponseKey")
		o.drop("ApiId")
		o.done()
		if route == nil {
			continue
		}
		if !slices.ContainsFunc(g.routes, func(other *resource) bool { return other.id == route.text }) {
			l.fail(route, "%q is no route of %s", route.text, g.r.id)
		}
		if key != "$default" {
			l.fail(r.props, "a route response's key must be $default")
		}
		made[route.text] = true
	}
	return made
}

// integration is an AWS_PROXY integration.
type integration struct {
	function string
	timeout  time.Duration
}

func (l *loader) integration(g *gateway, r *resource, longest time.Duration) integration {
	o := l.object(r.props, r.typ)
	if o.oneOf("IntegrationType", "", "AWS_PROXY") == "" {
		l.fail(r.props, "the local stack supports AWS_PROXY integrations only")
	}
	uri := o.need("IntegrationUri")
	made := integration{timeout: time.Duration(o.int("TimeoutInMillis", int(longest/time.Millisecond), 50, int(longest/time.Millisecond))) * time.Millisecond}
	if uri != nil {
		made.function = l.functionOf(uri)
		l.permitted(g, uri, made.function)
	}
	if g.protocol == "HTTP" && o.str("PayloadFormatVersion", "") != "2.0" {
		l.fail(r.props, "the local stack supports PayloadFormatVersion 2.0 only")
	}
	o.oneOf("ConnectionType", "INTERNET", "INTERNET")
	o.oneOf("IntegrationMethod", "POST", "POST")
	o.drop("ApiId", "Description", "PayloadFormatVersion", "ContentHandlingStrategy", "PassthroughBehavior")
	o.done()
	return made
}

// permitted reports a function that API Gateway may not invoke: on AWS the caller would get a 500.
func (l *loader) permitted(g *gateway, uri *node, function string) {
	if function == "" {
		return
	}
	for _, p := range l.resources {
		if p.typ != typePermission || p.props.get("Principal").scalar("") != "apigateway.amazonaws.com" {
			continue
		}
		source := p.props.get("SourceArn").scalar("")
		if l.functionOf(p.props.get("FunctionName")) == function && (source == "" || strings.Contains(source, ":"+apiID(g.r.id)+"/")) {
			return
		}
	}
	l.fail(uri, "%s may not invoke %s: an AWS::Lambda::Permission for apigateway.amazonaws.com is missing", g.r.id, function)
}

// socketRoute builds a route; auth is the AuthorizerId of a route with a CUSTOM authorizer.
func (l *loader) socketRoute(r *resource, integrations map[string]integration, answering map[string]bool) (made SocketRoute, auth *node) {
	o := l.object(r.props, r.typ)
	made.Key = o.needStr("RouteKey")
	if target := o.need("Target"); target != nil {
		found, ok := integrations[strings.TrimPrefix(target.scalar(""), "integrations/")]
		if !ok && !target.bad {
			l.fail(target, "%q is no integration of this API", target.text)
		}
		made.Function, made.Timeout = found.function, found.timeout
	}
	asks := o.oneOf("RouteResponseSelectionExpression", "", "$default") != ""
	made.TwoWay = asks && answering[r.id]
	if asks != answering[r.id] {
		l.warn(r.props, "route %s is one-way: it needs both RouteResponseSelectionExpression and an AWS::ApiGatewayV2::RouteResponse to answer", made.Key)
	}
	if o.oneOf("AuthorizationType", "NONE", "NONE", "CUSTOM") == "CUSTOM" {
		auth = o.need("AuthorizerId")
		if made.Key != "$connect" {
			l.fail(r.props, "only $connect can have an authorizer")
		}
	}
	for _, name := range []string{"ModelSelectionExpression", "RequestModels", "RequestParameters"} {
		o.refuse(name, name+" is not supported by the local stack")
	}
	if o.bool("ApiKeyRequired", false) {
		l.fail(r.props, "API keys are not supported by the local stack")
	}
	o.drop("ApiId", "AuthorizerId", "OperationName")
	o.done()
	return made, auth
}

func (l *loader) authorizer(g *gateway, id *node) *Authorizer {
	for _, r := range g.authz {
		if r.id != id.text {
			continue
		}
		o := l.object(r.props, r.typ)
		made := &Authorizer{Name: o.needStr("Name"), Identity: o.strs("IdentitySource")}
		if o.oneOf("AuthorizerType", "", "REQUEST") == "" {
			l.fail(r.props, "the local stack supports REQUEST authorizers only")
		}
		if uri := o.need("AuthorizerUri"); uri != nil {
			made.Function = l.functionOf(uri)
			l.permitted(g, uri, made.Function)
		}
		for _, source := range made.Identity {
			if !strings.HasPrefix(source, "route.request.header.") && !strings.HasPrefix(source, "route.request.querystring.") {
				l.fail(r.props, "identity source %q is not supported by the local stack", source)
			}
		}
		o.drop("ApiId")
		o.done()
		return made
	}
	l.fail(id, "%q is no authorizer of %s", id.text, g.r.id)
	return nil
}

// socketStage applies the stage: its name and its throttles.
func (l *loader) socketStage(g *gateway, made *SocketAPI) {
	name, defaults, perRoute := l.stage(g)
	made.Stage, made.Throttle = name, l.throttle(defaults)
	settings := l.object(perRoute, "RouteSettings")
	for i := range made.Routes {
		if s := settings.get(made.Routes[i].Key); s != nil {
			made.Routes[i].Throttle = l.throttle(s)
		}
	}
	for _, e := range settings.n.keys {
		if !settings.used[e.name] {
			l.fail(e.val, "%q is no route of %s", e.name, g.r.id)
		}
	}
}

// stage reads the stage of an API.
func (l *loader) stage(g *gateway) (name string, defaults, perRoute *node) {
	if g.stage == nil {
		l.fail(g.r.place, "%s has no stage", g.r.id)
		return "", nil, nil
	}
	o := l.object(g.stage.props, typeStage)
	name, defaults, perRoute = o.needStr("StageName"), o.get("DefaultRouteSettings"), o.get("RouteSettings")
	if !o.bool("AutoDeploy", false) && o.get("DeploymentId") == nil {
		l.fail(g.stage.props, "without AutoDeploy or a DeploymentId nothing is deployed")
	}
	o.refuse("StageVariables", "stage variables are not supported by the local stack")
	o.drop("ApiId", "DeploymentId", "AccessLogSettings", "Tags", "Description")
	o.done()
	return name, defaults, perRoute
}

func (l *loader) throttle(n *node) Throttle {
	o := l.object(n, "route settings")
	made := Throttle{Rate: o.float("ThrottlingRateLimit"), Burst: o.int("ThrottlingBurstLimit", 0, 0, 1<<30)}
	o.drop("DetailedMetricsEnabled", "DataTraceEnabled", "LoggingLevel")
	o.done()
	return made
}
