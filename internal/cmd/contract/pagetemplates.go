package main

// pageTemplates are the pages that the API serves: no scripts, nothing from elsewhere, readable on a phone and in the
// dark, and by a screen reader (headings in order, tables with header cells).
const pageTemplates = `
{{define "head"}}<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.}}</title>
<style>
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:60rem}
h1,h2,h3{line-height:1.2;margin-top:2rem}
h3{font-size:1.05rem}
code{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}
th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8886}
section{border-top:1px solid #8886}
:target{outline:2px solid #8888;outline-offset:.4rem}
nav h3{margin:1rem 0 .25rem}
nav ul{columns:22rem;margin:0;padding-left:1rem;list-style:none}
.method{font-weight:700}
</style>
</head>
<body>
{{end}}

{{define "docs"}}{{template "head" .Info.Title}}<h1>{{.Info.Title}} {{.Info.Version}}</h1>
{{range paragraphs .Info.Description}}<p>{{.}}</p>
{{end}}<p>For programs: <a href="/v1/openapi.json">openapi.json</a>. Codes of errors: <a href="/v1/docs/errors">errors</a>.</p>
<nav aria-label="Operations"><h2>Operations</h2>
{{range .Topics}}<h3><a href="#{{.Name}}">{{.Name}}</a></h3>
<ul>
{{range .Operations}}<li><a href="#op-{{.OperationID}}"><span class="method">{{upper .Method}}</span> <code>{{.Path}}</code></a></li>
{{end}}</ul>
{{end}}</nav>
<main>
{{range .Topics}}<h2 id="{{.Name}}">{{.Name}}</h2>
<p>{{.Description}}</p>
{{range .Operations}}<section id="op-{{.OperationID}}">
<h3><span class="method">{{upper .Method}}</span> <code>{{.Path}}</code></h3>
<p>{{.Summary}}{{if isOpen .}} Needs no session.{{end}}</p>
{{with .Parameters}}<table><thead><tr><th scope="col">parameter</th><th scope="col">in</th><th scope="col">type</th><th scope="col"></th></tr></thead><tbody>
{{range .}}<tr><td><code>{{.Name}}</code></td><td>{{.In}}</td><td>{{shown .Schema}}</td><td>{{.Description}}</td></tr>
{{end}}</tbody></table>
{{end}}{{with .RequestBody}}<p>Body: {{body .Content}}</p>
{{end}}<table><thead><tr><th scope="col">answer</th><th scope="col">body</th><th scope="col"></th></tr></thead><tbody>
{{range .Responses}}<tr><td>{{.Name}}</td><td>{{body .Value.Content}}</td><td>{{.Value.Description}}</td></tr>
{{end}}</tbody></table>
</section>
{{end}}{{end}}<h2>Schemas</h2>
{{range .Components.Schemas}}<section id="{{.Name}}">
<h3>{{.Name}}</h3>
<p>{{.Value.Description}}</p>
{{with fields .Value}}<table><thead><tr><th scope="col">field</th><th scope="col">type</th><th scope="col"></th></tr></thead><tbody>
{{range .}}<tr><td><code>{{.Name}}</code></td><td>{{.Type}}{{if .Optional}}, optional{{end}}</td><td>{{.Text}}</td></tr>
{{end}}</tbody></table>
{{else}}<p>{{shown .Value}}</p>
{{end}}</section>
{{end}}</main>
</body>
</html>
{{end}}

{{define "errors"}}{{template "head" "Parley: errors"}}<h1>Errors</h1>
<p>A problem (RFC 9457) has a code, and its type points here. Outcome <em>refused</em>: nothing was done. Outcome <em>unknown</em>: it may have been done; the same request, sent again, tells. <a href="/v1/docs">The operations</a>.</p>
<main>
{{range .Codes}}<section id="{{.Code}}">
<h2><code>{{.Code}}</code></h2>
<p>{{.Meaning}}</p>
<p>{{.Client}}</p>
<p>HTTP {{.HTTP}}; outcome {{.Outcome}}{{if .Retryable}}; the same may be sent again{{end}}.</p>
</section>
{{end}}<h2>Reasons</h2>
<p>A reason is more exact than a code, where there is something to tell apart.</p>
<table><thead><tr><th scope="col">reason</th><th scope="col"></th></tr></thead><tbody>
{{range .Reasons}}<tr id="{{.Reason}}"><td><code>{{.Reason}}</code></td><td>{{.Meaning}}</td></tr>
{{end}}</tbody></table>
</main>
</body>
</html>
{{end}}
`
