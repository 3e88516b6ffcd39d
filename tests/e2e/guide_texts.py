"""What the guide gives to paste, verbatim: rules without a group, files of groups, the configuration."""

GUIDE_BARE = ['''\
alert: HighErrorRate
expr: rate(http_requests_total{status=~"5.."}[5m]) > 0.1
for: 5m
labels:
  severity: critical
annotations:
  summary: High error rate detected
''', '''\
alert: HighMemoryUsage
expr: process_resident_memory_bytes > 1e9
for: 5m
labels:
  severity: warning
annotations:
  summary: High memory usage detected
''', '''\
alert: LowModelAccuracy
expr: model_prediction_accuracy_percent < 80
for: 15m
labels:
  severity: critical
annotations:
  summary: Model accuracy below threshold
''']

GUIDE_GROUPS = {"critical_alerts.yml": '''\
groups:
- name: critical_alerts
  rules:
  - alert: HighErrorRate
    expr: error_rate > 0.01
    for: 5m
    labels:
      severity: critical
    annotations:
      summary: High error rate detected

  - alert: APILatency
    expr: api_latency_p95 > 0.5
    for: 5m
    labels:
      severity: critical
''', "warning_alerts.yml": '''\
groups:
- name: warning_alerts
  rules:
  - alert: HighCPUUsage
    expr: cpu_usage > 80
    for: 10m
    labels:
      severity: warning

  - alert: LowCacheHitRate
    expr: cache_hit_rate < 0.8
    for: 15m
    labels:
      severity: warning
'''}

GUIDE_CONFIG = '''\
global:
  scrape_interval: 15s
  evaluation_interval: 15s

scrape_configs:
  - job_name: 'api'
    static_configs:
      - targets: ['localhost:8000']
  
  - job_name: 'model-service'
    static_configs:
      - targets: ['localhost:8001']
'''
