// What fires or waits to fire, by name, with who is told and what silences it.
import { useMemo, useState, type ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { Badge, Totals } from '../../components/Badge';
import { Button, Segmented } from '../../components/Button';
import { LabelChips } from '../../components/Labels';
import { Loaded } from '../../components/Loaded';
import { Link } from '../../components/navigation';
import { Hint } from '../../components/Notice';
import { SearchField } from '../../components/SearchField';
import {
  alertValue,
  groupAlerts,
  isSuppressed,
  joinAlerts,
  timeOf,
  type AlertFilter,
  type AlertsData,
  type KnownAlert,
  type NamedAlerts,
  type NotifiedAlert,
} from '../../model/alerting';
import { draftOfLabels, type SilenceDraft } from '../../model/silences';
import { describeAge } from '../../model/time';
import { formatValue } from '../../model/units';
import { Annotations, StateBadge } from './parts';
import { SilenceDialog } from './SilenceDialog';
import { NO_ALERTS } from './silencing';
import { useUrlFilter } from './useUrlFilter';
import css from './Alerting.module.css';

const REFRESH_MS = 10_000;
const SHOWN = 50;

const STATES = [
  { value: 'any', label: 'All' },
  { value: 'firing', label: 'Firing' },
  { value: 'pending', label: 'Pending' },
  { value: 'suppressed', label: 'Suppressed' },
] as const;

export function AlertsTab(): ReactElement {
  const [filter, change] = useUrlFilter(STATES, 'any');
  const alerts = useResource<AlertsData>('api/v1/alerts', { refreshMs: REFRESH_MS });
  const notified = useResource<readonly NotifiedAlert[]>('api/v2/alerts', {
    refreshMs: REFRESH_MS,
    absent: NO_ALERTS,
    plain: true,
  });
  // Without who notifies, what fires is shown all the same.
  const known = notified.state === 'ready' ? notified.data : NO_ALERTS;
  const canSilence = notified.state === 'ready' && notified.data !== NO_ALERTS;
  return (
    <>
      <div className={css.filters}>
        <SearchField
          label="Filter alerts"
          placeholder="Filter by label or annotation"
          value={filter.text}
          onChange={(text) => change({ text })}
        />
        <Segmented label="State" value={filter.state} options={STATES} onChange={(state) => change({ state })} />
      </div>
      <Loaded resource={alerts} what="the alerts">
        {(data) => (
          <Alerts
            data={data}
            notified={known}
            canSilence={canSilence}
            filter={filter}
            nowMs={alerts.state === 'ready' ? alerts.loadedAtMs : 0}
            onSilenced={() => notified.state !== 'loading' && notified.reload()}
          />
        )}
      </Loaded>
    </>
  );
}

interface AlertsProps {
  readonly data: AlertsData;
  readonly notified: readonly NotifiedAlert[];
  readonly canSilence: boolean;
  readonly filter: AlertFilter;
  readonly nowMs: number;
  readonly onSilenced: () => void;
}

function Alerts({ data, notified, canSilence, filter, nowMs, onSilenced }: AlertsProps): ReactElement {
  const [draft, setDraft] = useState<SilenceDraft>();
  const { text, state } = filter;
  const joined = useMemo(() => joinAlerts(data.alerts, notified), [data, notified]);
  const groups = useMemo(() => groupAlerts(joined, { text, state }), [joined, text, state]);
  const firing = joined.filter((alert) => alert.state === 'firing').length;
  const pending = joined.filter((alert) => alert.state === 'pending').length;
  return (
    <>
      <Totals
        totals={[
          { value: firing, name: 'firing', tone: firing > 0 ? 'bad' : 'good' },
          { value: pending, name: 'pending', tone: pending > 0 ? 'warn' : undefined },
          { value: joined.filter(isSuppressed).length, name: 'suppressed' },
        ]}
      />
      {groups.length === 0 && (
        <Hint title={joined.length === 0 ? 'Nothing fires' : 'No alert passes the filter'}>
          {joined.length === 0 ? (
            <Link to="/alerting/rules">See the rules</Link>
          ) : (
            <p>Clear the filter to see them all.</p>
          )}
        </Hint>
      )}
      {groups.map((group) => (
        <NamedSection
          key={group.name}
          group={group}
          nowMs={nowMs}
          onSilence={canSilence ? (alert) => setDraft(draftOfLabels(alert.labels, '')) : undefined}
        />
      ))}
      {draft !== undefined && <SilenceDialog draft={draft} onClose={() => setDraft(undefined)} onSaved={onSilenced} />}
    </>
  );
}

interface NamedSectionProps {
  readonly group: NamedAlerts;
  readonly nowMs: number;
  readonly onSilence: ((alert: KnownAlert) => void) | undefined;
}

function NamedSection({ group, nowMs, onSilence }: NamedSectionProps): ReactElement {
  const [limit, setLimit] = useState(SHOWN);
  const firing = group.alerts.filter((alert) => alert.state === 'firing').length;
  const pending = group.alerts.length - firing;
  return (
    <section className={css.group} aria-label={group.name}>
      <header className={css.groupHead}>
        <h2>{group.name}</h2>
        {firing > 0 && <Badge tone="bad">{firing} firing</Badge>}
        {pending > 0 && <Badge tone="warn">{pending} pending</Badge>}
        <span className={css.spacer} />
        <Link to={`/alerting/rules?${new URLSearchParams({ q: group.name }).toString()}`}>Rule</Link>
      </header>
      <ul>
        {group.alerts.slice(0, limit).map((alert, i) => (
          <AlertItem key={i} alert={alert} nowMs={nowMs} onSilence={onSilence} />
        ))}
      </ul>
      {group.alerts.length > limit && (
        <div className={css.more}>
          <Button onClick={() => setLimit(Infinity)}>Show all {group.alerts.length.toLocaleString('en')} alerts</Button>
        </div>
      )}
    </section>
  );
}

interface AlertItemProps {
  readonly alert: KnownAlert;
  readonly nowMs: number;
  readonly onSilence: ((alert: KnownAlert) => void) | undefined;
}

function AlertItem({ alert, nowMs, onSilence }: AlertItemProps): ReactElement {
  const since = timeOf(alert.activeAt);
  const { alertname: _, ...labels } = alert.labels;
  const status = alert.notified?.status;
  return (
    <li className={css.alert}>
      <div className={css.alertState}>
        <StateBadge state={alert.state} />
        {status !== undefined && status.silencedBy.length > 0 && <Badge tone="neutral">Silenced</Badge>}
        {status !== undefined && status.inhibitedBy.length > 0 && <Badge tone="neutral">Inhibited</Badge>}
        {(status?.mutedBy?.length ?? 0) > 0 && <Badge tone="neutral">Muted</Badge>}
      </div>
      <div className={css.alertText}>
        <Annotations annotations={alert.annotations} />
        <LabelChips labels={labels} />
        <p className={css.facts}>
          {since !== undefined && <span title={alert.activeAt}>began {describeAge(since, nowMs)}</span>}
          <span>value {formatValue(alertValue(alert.value), 'none', 4)}</span>
          {alert.notified !== undefined && (
            <span>to {alert.notified.receivers.map((receiver) => receiver.name).join(', ')}</span>
          )}
        </p>
      </div>
      {onSilence !== undefined && (
        <Button icon="bellOff" className={css.act} onClick={() => onSilence(alert)}>
          Silence
        </Button>
      )}
    </li>
  );
}
