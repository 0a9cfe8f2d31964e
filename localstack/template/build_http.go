package template

import (
	"slices"
	"strings"
	"time"
)

// httpAPI builds an HTTP API from its OpenAPI body, or from raw routes.
func (l *loader) httpAPI(g *gateway) HTTPAPI {
	o := l.object(g.r.props, g.r.typ)
	made := HTTPAPI{LogicalID: g.r.id, APIID: apiID(g.r.id)}
	made.CORS = l.cors(o.get("CorsConfiguration"), func(name string) string { return name })
	if body := o.get("Body"); body != nil {
		l.openAPI(g, body, &made)
	}
	o.drop("Name", "ProtocolType", "Description", "Tags", "DisableExecuteApiEndpoint", "IpAddressType", "FailOnWarnings", "Version")
	o.done()
	l.rawRoutes(g, &made)
	var defaults, perRoute *node
	made.Stage, defaults, perRoute = l.stage(g)
	l.throttle(defaults)
	for _, e := range perRoute.entries() {
		l.throttle(e.val)
	}
	slices.SortFunc(made.Routes, func(a, b HTTPRoute) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
	for i, r := range made.Routes {
		if i > 0 && r.Method == made.Routes[i-1].Method && r.Path == made.Routes[i-1].Path {
			l.fail(g.r.place, "%s %s is declared twice", r.Method, r.Path)
		}
	}
	return made
}

func (l *loader) openAPI(g *gateway, body *node, made *HTTPAPI) {
	o := l.object(body, "an OpenAPI body")
	o.drop("openapi", "info", "tags", "x-amazon-apigateway-endpoint-configuration")
	if cors := o.get("x-amazon-apigateway-cors"); cors != nil {
		made.CORS = l.cors(cors, func(name string) string { return strings.ToLower(name[:1]) + name[1:] })
	}
	paths := l.object(o.get("paths"), "paths")
	o.done()
	for _, p := range paths.n.keys {
		operations := l.object(p.val, "a path")
		for _, e := range operations.n.keys {
			made.Routes = append(made.Routes, l.openAPIRoute(g, p.name, e))
		}
	}
}

func (l *loader) openAPIRoute(g *gateway, path string, e entry) HTTPRoute {
	method := strings.ToUpper(e.name)
	if e.name == "x-amazon-apigateway-any-method" {
		method = "ANY"
	}
	l.checkMethod(e.val, method)
	o := l.object(e.val, "an operation")
	o.drop("responses", "parameters", "isDefaultRoute")
	in := l.object(o.need("x-amazon-apigateway-integration"), "an integration")
	o.done()
	if in.oneOf("type", "", "aws_proxy") == "" || in.str("payloadFormatVersion", "") != "2.0" {
		l.fail(in.n, "the local stack supports aws_proxy integrations with payload format 2.0 only")
	}
	in.oneOf("httpMethod", "POST", "POST")
	longest := int(defaultHTTPTimeout / time.Millisecond)
	made := HTTPRoute{Method: method, Path: path, Timeout: time.Duration(in.int("timeoutInMillis", longest, 50, longest)) * time.Millisecond}
	if uri := in.need("uri"); uri != nil {
		made.Function = l.functionOf(uri)
		l.permitted(g, uri, made.Function)
	}
	in.done()
	return made
}

var httpMethods = set("ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

func (l *loader) checkMethod(n *node, method string) {
	if !httpMethods[method] {
		l.fail(n, "%q is no HTTP method", method)
	}
}

// rawRoutes builds AWS::ApiGatewayV2::Route resources of an HTTP API.
func (l *loader) rawRoutes(g *gateway, made *HTTPAPI) {
	integrations := map[string]integration{}
	for _, r := range g.integrations {
		integrations[r.id] = l.integration(g, r, defaultHTTPTimeout)
	}
	for _, r := range g.routes {
		o := l.object(r.props, r.typ)
		key, target := o.needStr("RouteKey"), o.need("Target")
		if o.oneOf("AuthorizationType", "NONE", "NONE") != "NONE" {
			l.fail(r.props, "authorizers of HTTP APIs are not supported by the local stack: authorize in the function")
		}
		o.drop("ApiId", "OperationName")
		o.done()
		method, path, ok := strings.Cut(key, " ")
		if !ok {
			method, path = "ANY", key
		}
		l.checkMethod(r.props, method)
		found, ok := integrations[strings.TrimPrefix(target.scalar(""), "integrations/")]
		if !ok {
			l.fail(r.props, "the route's target is no integration of this API")
		}
		made.Routes = append(made.Routes, HTTPRoute{Method: method, Path: path, Function: found.function, Timeout: found.timeout})
	}
}

// cors reads a CORS configuration, whose keys are spelled in one of two ways.
func (l *loader) cors(n *node, spell func(string) string) *CORS {
	if n == nil {
		return nil
	}
	o := l.object(n, "a CORS configuration")
	made := &CORS{
		Origins: o.strs(spell("AllowOrigins")), Methods: o.strs(spell("AllowMethods")), Headers: o.strs(spell("AllowHeaders")),
		Expose: o.strs(spell("ExposeHeaders")), Credentials: o.bool(spell("AllowCredentials"), false),
		MaxAge: o.seconds(spell("MaxAge"), 0, -1, 86400),
	}
	o.done()
	if made.Credentials && slices.Contains(made.Origins, "*") {
		l.fail(n, "AllowCredentials cannot be combined with the origin *")
	}
	return made
}
