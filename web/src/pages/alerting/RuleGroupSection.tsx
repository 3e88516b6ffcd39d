// One group: where it stands, its schedule, and its rules with state, expression, alerts and the last evaluation.
import { useState, type ReactElement } from 'react';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { LabelChips } from '../../components/Labels';
import { Notice } from '../../components/Notice';
import {
  alertValue,
  formatSeconds,
  timeOf,
  urgencyOf,
  type AlertingRule,
  type Rule,
  type RuleGroup,
} from '../../model/alerting';
import { METRIC_NAME } from '../../model/labels';
import { describeAge } from '../../model/time';
import { formatValue } from '../../model/units';
import { Annotations, ExploreLink, StateBadge } from './parts';
import css from './Alerting.module.css';

// At first; a rule of thousands of alerts is for the filter.
const RULES_SHOWN = 50;
const ALERTS_SHOWN = 20;

// What groups that were made through the API have for a file.
const API_FILE = '@api';

export interface GroupActions {
  readonly onOpen: (group: RuleGroup) => void;
  readonly onBackfill: (group: RuleGroup) => void;
}

export interface RuleGroupSectionProps {
  readonly group: RuleGroup;
  readonly nowMs: number;
  readonly detection: readonly (number | null)[]; // seconds, of each rule; empty: not known
  readonly actions: GroupActions | undefined; // of a server that has them
}

export function RuleGroupSection({ group, nowMs, detection, actions }: RuleGroupSectionProps): ReactElement {
  const [limit, setLimit] = useState(RULES_SHOWN);
  const firing = group.rules.filter((rule) => rule.type === 'alerting' && rule.state === 'firing').length;
  const failing = group.rules.filter((rule) => rule.health === 'err').length;
  const evaluated = timeOf(group.lastEvaluation);
  const isOfApi = group.file === API_FILE;
  const rules = group.rules
    .map((rule, i) => ({ rule, detection: detection[i] ?? undefined }))
    .toSorted((a, b) => urgencyOf(a.rule) - urgencyOf(b.rule));
  return (
    <details className={css.group} open>
      <summary>
        <h2>{group.name}</h2>
        {firing > 0 && <Badge tone="bad">{firing} firing</Badge>}
        {failing > 0 && <Badge tone="bad">{failing} failing</Badge>}
        <span className={css.schedule}>
          every {formatSeconds(group.interval)}
          {evaluated !== undefined && (
            <>
              , <span title={group.lastEvaluation}>{describeAge(evaluated, nowMs)}</span> in{' '}
              {formatValue(group.evaluationTime, 'seconds', 3)}
            </>
          )}
        </span>
      </summary>
      <div className={css.origin}>
        <Badge tone="neutral">{isOfApi ? 'Made here' : 'File'}</Badge>
        <p className={css.file}>{isOfApi ? 'Through the API or this page' : group.file}</p>
        {actions !== undefined && (
          <>
            <Button
              aria-label={`${isOfApi ? 'Change' : 'View'} the group ${group.name}`}
              onClick={() => actions.onOpen(group)}
            >
              {isOfApi ? 'Change' : 'View'}
            </Button>
            {group.rules.some(({ type }) => type === 'recording') && (
              <Button aria-label={`Backfill the group ${group.name}`} onClick={() => actions.onBackfill(group)}>
                Backfill
              </Button>
            )}
          </>
        )}
      </div>
      {group.rules.length === 0 && <p className={css.file}>This group has no rules.</p>}
      <ul aria-label={`Rules of ${group.name}`}>
        {rules.slice(0, limit).map((one, i) => (
          <RuleItem key={`${one.rule.name} ${i}`} rule={one.rule} detection={one.detection} nowMs={nowMs} />
        ))}
      </ul>
      {rules.length > limit && (
        <div className={css.more}>
          <Button onClick={() => setLimit(Infinity)}>Show all {rules.length.toLocaleString('en')} rules</Button>
        </div>
      )}
    </details>
  );
}

interface RuleItemProps {
  readonly rule: Rule;
  readonly detection: number | undefined; // seconds
  readonly nowMs: number;
}

function RuleItem({ rule, detection, nowMs }: RuleItemProps): ReactElement {
  const evaluated = timeOf(rule.lastEvaluation);
  return (
    <li className={css.rule}>
      <div className={css.ruleHead}>
        {rule.type === 'alerting' ? <StateBadge state={rule.state} /> : <Badge tone="neutral">Recording</Badge>}
        <h3>{rule.name}</h3>
        {rule.health === 'err' && <Badge tone="bad">Failing</Badge>}
        <span className={css.spacer} />
        <ExploreLink expr={rule.query} title={rule.name} />
      </div>
      <pre className={css.expr} tabIndex={0} role="region" aria-label={`Expression of ${rule.name}`}>
        <code>{rule.query}</code>
      </pre>
      {rule.lastError !== undefined && rule.lastError !== '' && <Notice tone="bad">{rule.lastError}</Notice>}
      {rule.type === 'alerting' && <Annotations annotations={rule.annotations} />}
      {rule.labels !== undefined && Object.keys(rule.labels).length > 0 && <LabelChips labels={rule.labels} />}
      <p className={css.facts}>
        {rule.type === 'alerting' && rule.duration > 0 && <span>for {formatSeconds(rule.duration)}</span>}
        {rule.type === 'alerting' && detection !== undefined && (
          <span title="Its windows fill, `for` passes, and an evaluation may just have been: so long after the beginning of a cause it fires at the latest">
            fires within {formatSeconds(detection)}
          </span>
        )}
        {rule.type === 'alerting' && rule.keepFiringFor > 0 && (
          <span>keeps firing for {formatSeconds(rule.keepFiringFor)}</span>
        )}
        {evaluated === undefined ? (
          <span>not evaluated yet</span>
        ) : (
          <span title={rule.lastEvaluation}>evaluated {describeAge(evaluated, nowMs)}</span>
        )}
        {evaluated !== undefined && <span>took {formatValue(rule.evaluationTime, 'seconds', 3)}</span>}
      </p>
      {rule.type === 'alerting' && rule.alerts.length > 0 && <RuleAlerts rule={rule} nowMs={nowMs} />}
    </li>
  );
}

function RuleAlerts({ rule, nowMs }: { readonly rule: AlertingRule; readonly nowMs: number }): ReactElement {
  const [limit, setLimit] = useState(ALERTS_SHOWN);
  return (
    <details className={css.ruleAlerts}>
      <summary>
        {rule.alerts.length.toLocaleString('en')} {rule.alerts.length === 1 ? 'alert' : 'alerts'}
      </summary>
      <div className={css.scroll} tabIndex={0} role="region" aria-label={`Alerts of ${rule.name}`}>
        <table className={css.table}>
          <thead>
            <tr>
              <th scope="col">State</th>
              <th scope="col">Labels</th>
              <th scope="col">Since</th>
              <th scope="col" className={css.number}>
                Value
              </th>
            </tr>
          </thead>
          <tbody>
            {rule.alerts.slice(0, limit).map((alert, i) => {
              const since = timeOf(alert.activeAt);
              const { [METRIC_NAME]: _, alertname: __, ...labels } = alert.labels;
              return (
                <tr key={i}>
                  <td>
                    <StateBadge state={alert.state} />
                  </td>
                  <td>
                    <LabelChips labels={labels} />
                  </td>
                  <td className={css.since} title={alert.activeAt}>
                    {since === undefined ? '' : describeAge(since, nowMs)}
                  </td>
                  <td className={css.number}>{formatValue(alertValue(alert.value), 'none', 4)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {rule.alerts.length > limit && (
        <Button onClick={() => setLimit(Infinity)}>Show all {rule.alerts.length.toLocaleString('en')} alerts</Button>
      )}
    </details>
  );
}
