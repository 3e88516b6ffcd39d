// What the list and the detail of incidents share: badges, a field of a form, and the way to change one.
import { useId, type ReactElement, type ReactNode } from 'react';
import { askPlain } from '../../api/client';
import { Badge, type Tone } from '../../components/Badge';
import {
  incidentName,
  SEVERITY_NAMES,
  type Incident,
  type IncidentStatus,
  type IncidentSummary,
  type Severity,
} from '../../model/incidents';
import css from './Incidents.module.css';

const SEVERITY_TONES: Readonly<Record<Severity, Tone>> = { SEV1: 'bad', SEV2: 'bad', SEV3: 'warn', SEV4: 'neutral' };
const STATUS_TONES: Readonly<Record<IncidentStatus, Tone>> = { open: 'warn', resolved: 'good', closed: 'neutral' };
const STATUS_NAMES: Readonly<Record<IncidentStatus, string>> = {
  open: 'Open',
  resolved: 'Resolved',
  closed: 'Closed',
};

export function SeverityBadge({ severity }: { readonly severity: Severity }): ReactElement {
  return (
    <Badge tone={SEVERITY_TONES[severity]}>
      {severity} {SEVERITY_NAMES[severity]}
    </Badge>
  );
}

export function StatusBadge({
  incident,
  nowMs,
}: {
  readonly incident: IncidentSummary;
  readonly nowMs: number;
}): ReactElement {
  const isSnoozed = incident.status === 'open' && (incident.snoozedUntil ?? 0) > nowMs;
  return (
    <>
      <Badge tone={STATUS_TONES[incident.status]}>{STATUS_NAMES[incident.status]}</Badge>
      {isSnoozed && <Badge tone="neutral">Snoozed</Badge>}
    </>
  );
}

export interface FieldProps {
  readonly label: string;
  readonly children: (id: string) => ReactNode;
}

export function Field({ label, children }: FieldProps): ReactElement {
  const id = useId();
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      {children(id)}
    </div>
  );
}

const AUTHOR = 'kilowatch.author';

// Who the reader is: the name is kept in this browser, and is the one that silences have.
export function storedName(): string {
  try {
    return localStorage.getItem(AUTHOR) ?? '';
  } catch {
    return '';
  }
}

export function keepName(name: string): void {
  try {
    localStorage.setItem(AUTHOR, name);
  } catch {
    // Storage is blocked: the name is asked for again.
  }
}

export type Body = Readonly<Record<string, unknown>>;

interface ErrorAnswer {
  readonly error?: string;
}

// Throws an Error with the server's words.
async function post(path: string, body: Body): Promise<Incident> {
  const by = storedName();
  try {
    const { data } = await askPlain<{ readonly data: Incident }>(path, {
      body: by === '' ? body : { by, ...body },
    });
    return data;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    let said: ErrorAnswer = {};
    try {
      said = JSON.parse(text) as ErrorAnswer;
    } catch {
      // Not the API's own words.
    }
    throw new Error(said.error ?? text, { cause: error });
  }
}

export function createIncident(body: Body): Promise<Incident> {
  return post('api/kw/v1/incidents', body);
}

export function actOnIncident(id: number, action: string, body: Body = {}): Promise<Incident> {
  return post(`api/kw/v1/incidents/${incidentName(id)}/${action}`, body);
}
