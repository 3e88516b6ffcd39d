// Written for the texts that Alertmanager's own give; what is resolved by lack of data says so.
#include "alerting/default_templates.h"

namespace kw::alerting {

std::string_view default_templates() {
    return R"tmpl(
{{- define "__alertmanager" }}Alertmanager{{ end }}
{{- define "__alertmanagerURL" }}{{ .ExternalURL }}/#/alerts?receiver={{ urlquery .Receiver }}{{ end }}

{{- define "__status" -}}
{{ if eq .Status "firing" }}FIRING:{{ len .Alerts.Firing }}{{ else if .NoData }}NO DATA{{ else }}{{ .Status | toUpper }}{{ end }}
{{- end }}

{{- define "__subject" -}}
[{{ template "__status" . }}] {{ join " " .GroupLabels.SortedPairs.Values }} {{ if gt (len .CommonLabels) (len .GroupLabels) -}}
({{ with .CommonLabels.Remove .GroupLabels.Names }}{{ join " " .Values }}{{ end }}){{ end }}
{{- end }}

{{- define "__description" }}{{ end }}

{{- define "__pairs" }}{{ range .SortedPairs }} - {{ .Name }} = {{ .Value }}
{{ end }}{{ end }}

{{- define "__text_alert_list" }}{{ range . }}Labels:
{{ template "__pairs" .Labels }}Annotations:
{{ template "__pairs" .Annotations }}{{ if .NoData }}Resolved because there is no data.
{{ end }}Source: {{ .GeneratorURL }}
{{ end }}{{ end }}

{{- define "slack.default.title" }}{{ template "__subject" . }}{{ end }}
{{- define "slack.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{- define "slack.default.username" }}{{ template "__alertmanager" . }}{{ end }}
{{- define "slack.default.fallback" }}{{ template "slack.default.title" . }} | {{ template "slack.default.titlelink" . }}{{ end }}
{{- define "slack.default.callbackid" }}{{ end }}
{{- define "slack.default.pretext" }}{{ end }}
{{- define "slack.default.iconemoji" }}{{ end }}
{{- define "slack.default.iconurl" }}{{ end }}
{{- define "slack.default.text" }}{{ end }}
{{- define "slack.default.footer" }}{{ end }}

{{- define "pagerduty.default.description" }}{{ template "__subject" . }}{{ end }}
{{- define "pagerduty.default.client" }}{{ template "__alertmanager" . }}{{ end }}
{{- define "pagerduty.default.clientURL" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{- define "pagerduty.default.instances" }}{{ template "__text_alert_list" . }}{{ end }}

{{- define "__html_pairs" }}{{ range .SortedPairs }}{{ .Name }} = {{ .Value }}<br>
{{ end }}{{ end }}

{{- define "__html_alerts" }}{{ range . }}
<p><strong>Labels</strong><br>
{{ template "__html_pairs" .Labels }}{{ if .Annotations }}<strong>Annotations</strong><br>
{{ template "__html_pairs" .Annotations }}{{ end }}{{ if .NoData }}Resolved because there is no data.<br>
{{ end }}<a href="{{ .GeneratorURL }}">Source</a></p>
{{ end }}{{ end }}

{{- define "email.default.subject" }}{{ template "__subject" . }}{{ end }}
{{- define "email.default.html" -}}
<!DOCTYPE html>
<html>
<head>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<title>{{ template "__subject" . }}</title>
</head>
<body style="font-family: Helvetica, Arial, sans-serif; font-size: 14px; color: #222">
<h2>{{ .Alerts | len }} alert{{ if gt (len .Alerts) 1 }}s{{ end }} for {{ range .GroupLabels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}</h2>
<p><a href="{{ template "__alertmanagerURL" . }}">View in {{ template "__alertmanager" . }}</a></p>
{{ if .Alerts.Firing }}<h3>[{{ .Alerts.Firing | len }}] Firing</h3>{{ template "__html_alerts" .Alerts.Firing }}{{ end }}
{{ if .Alerts.Resolved }}<h3>[{{ .Alerts.Resolved | len }}] Resolved</h3>{{ template "__html_alerts" .Alerts.Resolved }}{{ end }}
<p><a href="{{ .ExternalURL }}">Sent by {{ template "__alertmanager" . }}</a></p>
</body>
</html>
{{- end }}
)tmpl";
}

}  // namespace kw::alerting
