// Incidents, the newest first, by status and text; a new one is opened here.
import { useState, type ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { Totals } from '../../components/Badge';
import { Button, Segmented } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { Loaded } from '../../components/Loaded';
import { Link, navigate, useLocation } from '../../components/navigation';
import { Hint, Notice } from '../../components/Notice';
import { Page } from '../../components/Page';
import { SearchField } from '../../components/SearchField';
import {
  incidentName,
  SEVERITIES,
  SEVERITY_NAMES,
  type IncidentList,
  type ListedIncident,
  type Severity,
} from '../../model/incidents';
import { describeAge, formatDuration } from '../../model/time';
import { createIncident, Field, keepName, SeverityBadge, StatusBadge, storedName } from './parts';
import css from './Incidents.module.css';

const REFRESH_MS = 5_000;
const STATUSES = [
  { value: 'open', label: 'Open' },
  { value: 'resolved', label: 'Resolved' },
  { value: 'closed', label: 'Closed' },
  { value: 'all', label: 'All' },
] as const;
type Shown = (typeof STATUSES)[number]['value'];

export function IncidentListView(): ReactElement {
  const { search } = useLocation();
  const [opening, setOpening] = useState(false);
  const parameters = new URLSearchParams(search);
  const shown = STATUSES.find(({ value }) => value === parameters.get('status'))?.value ?? 'open';
  const text = parameters.get('q') ?? '';
  const change = (status: Shown, q: string): void => {
    const next = new URLSearchParams({
      ...(status === 'open' ? {} : { status }),
      ...(q === '' ? {} : { q }),
    }).toString();
    navigate(`/incidents${next === '' ? '' : `?${next}`}`, { replace: true });
  };
  const asked = new URLSearchParams({ status: shown, q: text }).toString();
  const incidents = useResource<IncidentList>(`api/kw/v1/incidents?${asked}`, { refreshMs: REFRESH_MS });
  return (
    <Page
      title="Incidents"
      toolbar={
        <Button variant="primary" icon="add" onClick={() => setOpening(true)}>
          Open an incident
        </Button>
      }
    >
      <div className={css.filters}>
        <SearchField
          label="Filter incidents"
          placeholder="Filter by title"
          value={text}
          onChange={(q) => change(shown, q)}
        />
        <Segmented label="Status" value={shown} options={STATUSES} onChange={(status) => change(status, text)} />
      </div>
      <Loaded resource={incidents} what="the incidents">
        {(data) => (
          <Incidents
            data={data}
            shown={shown}
            filtered={text !== ''}
            nowMs={incidents.state === 'ready' ? incidents.loadedAtMs : 0}
          />
        )}
      </Loaded>
      {opening && <OpenDialog onClose={() => setOpening(false)} />}
    </Page>
  );
}

interface IncidentsProps {
  readonly data: IncidentList;
  readonly shown: Shown;
  readonly filtered: boolean;
  readonly nowMs: number;
}

function Incidents({ data, shown, filtered, nowMs }: IncidentsProps): ReactElement {
  const { incidents, total } = data;
  if (incidents.length === 0) {
    return (
      <Hint title={filtered ? 'No incident passes the filter' : shown === 'open' ? 'No incident is open' : 'None yet'}>
        <p>Alerts that fire open one; so can you, a webhook and the command line.</p>
      </Hint>
    );
  }
  const grave = incidents.filter(({ severity }) => severity === 'SEV1' || severity === 'SEV2').length;
  const waiting = incidents.filter(({ status, acknowledgedAt }) => status === 'open' && acknowledgedAt === undefined);
  return (
    <>
      <Totals
        totals={[
          { value: total, name: total === 1 ? 'incident' : 'incidents' },
          { value: grave, name: 'SEV1 or SEV2', tone: grave > 0 && shown === 'open' ? 'bad' : undefined },
          { value: waiting.length, name: 'nobody is on', tone: waiting.length > 0 ? 'warn' : undefined },
        ]}
      />
      <ul className={css.list} aria-label="Incidents">
        {incidents.map((incident) => (
          <IncidentItem key={incident.id} incident={incident} nowMs={nowMs} />
        ))}
      </ul>
      {total > incidents.length && (
        <p className={css.soft}>
          The newest {incidents.length} of {total.toLocaleString('en')}; filter to see others.
        </p>
      )}
    </>
  );
}

function IncidentItem({
  incident,
  nowMs,
}: {
  readonly incident: ListedIncident;
  readonly nowMs: number;
}): ReactElement {
  const { impact, firingCount, alertCount, assignee, resolvedAt, beganAt } = incident;
  return (
    <li className={css.item}>
      <div className={css.badges}>
        <SeverityBadge severity={incident.severity} />
        <StatusBadge incident={incident} nowMs={nowMs} />
      </div>
      <h2>
        <Link to={`/incidents/${incidentName(incident.id)}`}>
          {incidentName(incident.id)} {incident.title}
        </Link>
      </h2>
      <ul className={css.facts}>
        <li>in {incident.phase}</li>
        <li>opened {describeAge(incident.openedAt, nowMs)}</li>
        {resolvedAt !== undefined && <li>lasted {formatDuration(Math.max(resolvedAt - beganAt, 0))}</li>}
        {alertCount > 0 && (
          <li>
            {firingCount} of {alertCount} {alertCount === 1 ? 'alert' : 'alerts'} firing
          </li>
        )}
        {impact.services.length > 0 && <li>{impact.services.join(', ')}</li>}
        <li>{assignee === '' ? 'nobody is on it' : `with ${assignee}`}</li>
      </ul>
    </li>
  );
}

function OpenDialog({ onClose }: { readonly onClose: () => void }): ReactElement {
  const [title, setTitle] = useState('');
  const [severity, setSeverity] = useState<Severity>('SEV3');
  const [services, setServices] = useState('');
  const [summary, setSummary] = useState('');
  const [by, setBy] = useState(storedName());
  const [refused, setRefused] = useState<string>();
  const [saving, setSaving] = useState(false);
  const save = async (): Promise<void> => {
    setSaving(true);
    setRefused(undefined);
    keepName(by);
    const names = services.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
    try {
      const made = await createIncident({
        title,
        severity,
        ...(summary === '' ? {} : { summary }),
        ...(names.length === 0 ? {} : { services: names }),
      });
      navigate(`/incidents/${incidentName(made.id)}`);
    } catch (error) {
      setRefused(error instanceof Error ? error.message : String(error));
      setSaving(false);
    }
  };
  return (
    <Dialog title="Open an incident" onClose={onClose}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label="What is wrong">
          {(id) => <input id={id} required value={title} onChange={(event) => setTitle(event.target.value)} />}
        </Field>
        <Field label="Severity">
          {(id) => (
            <select id={id} value={severity} onChange={(event) => setSeverity(event.target.value as Severity)}>
              {SEVERITIES.map((each) => (
                <option key={each} value={each}>
                  {each} {SEVERITY_NAMES[each]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Services, separated by commas">
          {(id) => <input id={id} value={services} onChange={(event) => setServices(event.target.value)} />}
        </Field>
        <Field label="What is known">
          {(id) => <textarea id={id} rows={3} value={summary} onChange={(event) => setSummary(event.target.value)} />}
        </Field>
        <Field label="Who you are">
          {(id) => <input id={id} autoComplete="name" value={by} onChange={(event) => setBy(event.target.value)} />}
        </Field>
        {refused !== undefined && (
          <Notice tone="bad" title="The server refused it">
            {refused}
          </Notice>
        )}
        <footer className={css.foot}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" disabled={saving}>
            Open it
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
