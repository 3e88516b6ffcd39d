// One incident: how far it is, what happened around it, what is to be done.
import { useState, type ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { Button } from '../../components/Button';
import { DataTable } from '../../components/DataTable';
import { LabelChips } from '../../components/Labels';
import { Loaded } from '../../components/Loaded';
import { Link } from '../../components/navigation';
import { Notice } from '../../components/Notice';
import { Page, Panel } from '../../components/Page';
import {
  incidentName,
  nextPhase,
  PHASES,
  type ActionRule,
  type Incident,
  type IncidentDetail,
  type Timeline,
} from '../../model/incidents';
import { describeAge, formatDateTime, formatDuration } from '../../model/time';
import { EditDialog } from './EditDialog';
import { ActionItems, Checks, Comment, Links, Runbook } from './IncidentWork';
import { Postmortem } from './Postmortem';
import { actOnIncident, SeverityBadge, StatusBadge, type Body } from './parts';
import { ReasonDialog } from './ReasonDialog';
import { Comparisons, Story, Suspects } from './Story';
import css from './Incidents.module.css';

const REFRESH_MS = 5_000;

// Does an action; resolves to whether the server did it.
export type Act = (action: string, body?: Body) => Promise<boolean>;

export function IncidentDetailView({ id }: { readonly id: number }): ReactElement {
  const detail = useResource<IncidentDetail>(`api/kw/v1/incidents/${incidentName(id)}`, { refreshMs: REFRESH_MS });
  const [refused, setRefused] = useState<string>();
  const act: Act = async (action, body) => {
    setRefused(undefined);
    try {
      await actOnIncident(id, action, body);
      return true;
    } catch (error) {
      setRefused(error instanceof Error ? error.message : String(error));
      return false;
    } finally {
      if (detail.state !== 'loading') detail.reload();
    }
  };
  return (
    <Page title={incidentName(id)} toolbar={<Link to="/incidents">All incidents</Link>}>
      {refused !== undefined && (
        <Notice tone="bad" title="The server refused it">
          {refused}
        </Notice>
      )}
      <Loaded resource={detail} what="the incident">
        {(data) => (
          <Detail
            incident={data.incident}
            timeline={data.timeline}
            actionRules={data.actionRules}
            nowMs={detail.state === 'ready' ? detail.loadedAtMs : 0}
            act={act}
          />
        )}
      </Loaded>
    </Page>
  );
}

interface DetailProps {
  readonly incident: Incident;
  readonly timeline: Timeline | null;
  readonly actionRules: readonly ActionRule[];
  readonly nowMs: number;
  readonly act: Act;
}

function Detail({ incident, timeline, actionRules, nowMs, act }: DetailProps): ReactElement {
  return (
    <>
      <section className={css.hero} aria-label="What it is">
        <div className={css.badges}>
          <SeverityBadge severity={incident.severity} />
          <StatusBadge incident={incident} nowMs={nowMs} />
        </div>
        <h2 className={css.title}>{incident.title}</h2>
        {incident.summary !== '' && <p>{incident.summary}</p>}
        <ul className={css.facts}>
          <li>{incident.severityReason}</li>
          <li>opened {describeAge(incident.openedAt, nowMs)}</li>
          <li>{incident.assignee === '' ? 'nobody is on it' : `with ${incident.assignee}`}</li>
          {incident.snoozedUntil !== undefined && incident.snoozedUntil > nowMs && (
            <li>snoozed until {formatDateTime(incident.snoozedUntil, 'local')}</li>
          )}
        </ul>
        <Stepper incident={incident} />
        <Moves incident={incident} nowMs={nowMs} act={act} />
      </section>
      <div className={css.columns}>
        <div className={css.column}>
          <Suspects timeline={timeline} />
          <Story incident={incident} timeline={timeline} act={act} />
          <Comparisons timeline={timeline} />
          <Postmortem incident={incident} act={act} />
        </div>
        <div className={css.column}>
          <Comment act={act} />
          <Times incident={incident} />
          <Impact incident={incident} />
          <Alerts incident={incident} />
          <Runbook incident={incident} act={act} />
          <Links incident={incident} act={act} />
          <Checks incident={incident} act={act} />
          <ActionItems incident={incident} act={act} rules={actionRules} />
        </div>
      </div>
    </>
  );
}

// The five phases; the current one is a step for screen readers, too.
function Stepper({ incident }: { readonly incident: Incident }): ReactElement {
  const current = PHASES.indexOf(incident.phase);
  return (
    <ol className={css.stepper} aria-label="Phases">
      {PHASES.map((phase, i) => (
        <li
          key={phase}
          className={i < current || incident.status === 'closed' ? css.done : i === current ? css.current : undefined}
          aria-current={i === current ? 'step' : undefined}
        >
          <span>{phase}</span>
          <span className="visually-hidden">{i < current ? ' (done)' : i === current ? ' (now)' : ' (to come)'}</span>
        </li>
      ))}
    </ol>
  );
}

interface MovesProps {
  readonly incident: Incident;
  readonly nowMs: number;
  readonly act: Act;
}

// What asks for a reason, and what it is called.
interface Asking {
  readonly title: string;
  readonly action: string;
  readonly body: Body;
  readonly isWanted: boolean;
}

function Moves({ incident, nowMs, act }: MovesProps): ReactElement {
  const [asking, setAsking] = useState<Asking>();
  const [editing, setEditing] = useState(false);
  const isOpen = incident.status === 'open';
  const next = nextPhase(incident.phase);
  const isSnoozed = (incident.snoozedUntil ?? 0) > nowMs;
  return (
    <div className={css.moves}>
      {isOpen && incident.acknowledgedAt === undefined && (
        <Button variant="primary" onClick={() => void act('acknowledge')}>
          Acknowledge
        </Button>
      )}
      {isOpen && next !== undefined && next !== 'post-mortem' && (
        <Button onClick={() => void act('move', { phase: next })}>Move to {next}</Button>
      )}
      {isOpen && (
        <Button
          onClick={() =>
            setAsking({
              title: 'Resolve the incident',
              action: 'resolve',
              body: {},
              isWanted: incident.phase !== 'resolution',
            })
          }
        >
          Resolve
        </Button>
      )}
      {isOpen && (
        <Button icon="bellOff" onClick={() => void act('snooze', { for: isSnoozed ? '0' : '1h' })}>
          {isSnoozed ? 'End the snooze' : 'Snooze for 1h'}
        </Button>
      )}
      {incident.status !== 'closed' && (
        <Button icon="edit" onClick={() => setEditing(true)}>
          Change
        </Button>
      )}
      {incident.status === 'resolved' && (
        <Button
          variant="primary"
          onClick={() => setAsking({ title: 'Close the incident', action: 'close', body: {}, isWanted: false })}
        >
          Close
        </Button>
      )}
      {!isOpen && (
        <Button
          onClick={() =>
            setAsking({
              title: 'Open the incident again',
              action: 'move',
              body: { phase: 'mitigation' },
              isWanted: true,
            })
          }
        >
          Open again
        </Button>
      )}
      {editing && <EditDialog incident={incident} act={act} onClose={() => setEditing(false)} />}
      {asking !== undefined && (
        <ReasonDialog
          title={asking.title}
          isWanted={asking.isWanted}
          onClose={() => setAsking(undefined)}
          onReason={(reason) => {
            setAsking(undefined);
            void act(asking.action, { ...asking.body, ...(reason === '' ? {} : { reason }) });
          }}
        />
      )}
    </div>
  );
}

function Moment({ at, beganAt }: { readonly at: number; readonly beganAt: number }): ReactElement {
  return (
    <>
      {formatDateTime(at, 'local')}
      {at > beganAt && <span className={css.soft}> after {formatDuration(at - beganAt)}</span>}
    </>
  );
}

function Times({ incident }: { readonly incident: Incident }): ReactElement {
  const { beganAt } = incident;
  const times: readonly (readonly [string, number | undefined])[] = [
    ['Began', beganAt],
    ['Detected', incident.openedAt],
    ['Acknowledged', incident.acknowledgedAt],
    ['Alerts ended', incident.restoredAt],
    ['Resolved', incident.resolvedAt],
    ['Closed', incident.closedAt],
  ];
  const rows: (readonly [string, ReactElement])[] = [];
  for (const [name, at] of times) {
    if (at !== undefined) rows.push([name, <Moment key={name} at={at} beganAt={beganAt} />]);
  }
  return (
    <Panel title="Times">
      <DataTable label="Times" rows={rows} />
    </Panel>
  );
}

function Impact({ incident }: { readonly incident: Incident }): ReactElement {
  const { services, zones, users, text } = incident.impact;
  const named = (names: readonly string[]): string => (names.length === 0 ? 'not known' : names.join(', '));
  return (
    <Panel title="Impact">
      <DataTable
        label="Impact"
        rows={[
          ['Services', named(services)],
          ['Zones', named(zones)],
          ['Users', users === undefined ? 'not known' : users.toLocaleString('en')],
          ...(text === '' ? [] : [['In words', text] as const]),
          ...incident.roles.map(({ role, person }) => [role, person] as const),
        ]}
      />
    </Panel>
  );
}

function Alerts({ incident }: { readonly incident: Incident }): ReactElement | null {
  if (incident.alerts.length === 0) return null;
  return (
    <Panel title="Alerts">
      <ul className={css.alerts}>
        {incident.alerts.map((alert) => (
          <li key={JSON.stringify(alert.labels)}>
            <LabelChips labels={alert.labels} />
            <p className={css.soft}>
              {alert.endedAt === undefined
                ? `fires since ${formatDateTime(alert.startsAt, 'local')}`
                : `${alert.isNoData ? 'no data since' : 'ended'} ${formatDateTime(alert.endedAt, 'local')}`}
            </p>
          </li>
        ))}
      </ul>
      {incident.alertsLeftOut > 0 && <p className={css.soft}>and {incident.alertsLeftOut} more</p>}
    </Panel>
  );
}
