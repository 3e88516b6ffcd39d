// What happened: the likeliest reasons, everything in the order of time, and before against after.
import { useState, type ReactElement } from 'react';
import { Badge, type Tone } from '../../components/Badge';
import { Button, Segmented } from '../../components/Button';
import { Link } from '../../components/navigation';
import { Panel } from '../../components/Page';
import {
  sparkline,
  storyOf,
  suspectsOf,
  type Incident,
  type Timeline,
  type TimelineEntry,
} from '../../model/incidents';
import { EMPTY_QUERY, emptyView, formatView } from '../../model/link';
import { absoluteRange, formatDateTime } from '../../model/time';
import { formatValue } from '../../model/units';
import type { Act } from './IncidentDetail';
import css from './Incidents.module.css';

const SPARK_WIDTH = 120;
const SPARK_HEIGHT = 24;
const AROUND_MS = 30 * 60_000;

const KIND_TONES: Readonly<Record<string, Tone>> = {
  alert: 'bad',
  fault: 'bad',
  departure: 'warn',
  deploy: 'warn',
  restart: 'warn',
  target: 'warn',
};

function exploreLink(query: string, aroundMs: number): string {
  const range = absoluteRange(aroundMs - AROUND_MS, aroundMs + AROUND_MS);
  return `/explore?${formatView({ ...emptyView('local'), queries: [{ ...EMPTY_QUERY, expr: query }], range }).toString()}`;
}

function Sparkline({ entry }: { readonly entry: TimelineEntry }): ReactElement | null {
  const path = sparkline(entry, SPARK_WIDTH, SPARK_HEIGHT);
  if (path === '') return null;
  return (
    <svg className={css.spark} viewBox={`-1 -1 ${SPARK_WIDTH + 2} ${SPARK_HEIGHT + 2}`} aria-hidden="true">
      <path d={path} fill="none" stroke="currentColor" strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

function Shown({ entry }: { readonly entry: TimelineEntry }): ReactElement | null {
  if (entry.query === '') return null;
  return (
    <Link to={exploreLink(entry.query, entry.at)} title={`Explore ${entry.query}`}>
      Explore
    </Link>
  );
}

export function Suspects({ timeline }: { readonly timeline: Timeline | null }): ReactElement | null {
  const suspects = suspectsOf(timeline);
  if (suspects.length === 0) return null;
  return (
    <Panel title="Likeliest reasons">
      <ol className={css.suspects}>
        {suspects.map((entry) => (
          <li key={`${entry.at} ${entry.title} ${entry.detail}`}>
            <span className={css.score} title="How likely it has to do with it, of 100">
              {Math.round(entry.score * 100)}
            </span>
            <div className={css.what}>
              <strong>{entry.title}</strong>
              <span className={css.soft}>
                {formatDateTime(entry.at, 'local')} {entry.detail}
              </span>
            </div>
            <Sparkline entry={entry} />
            <Shown entry={entry} />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

const WHICH = [
  { value: 'all', label: 'All' },
  { value: 'gathered', label: 'Gathered' },
  { value: 'people', label: 'People' },
] as const;
type Which = (typeof WHICH)[number]['value'];

export interface StoryProps {
  readonly incident: Incident;
  readonly timeline: Timeline | null;
  readonly act: Act;
}

export function Story({ incident, timeline, act }: StoryProps): ReactElement {
  const [which, setWhich] = useState<Which>('all');
  const lines = storyOf(incident, timeline).filter(
    ({ entry }) => which === 'all' || (entry === undefined) === (which === 'people'),
  );
  return (
    <Panel
      title="Timeline"
      action={
        <div className={css.filters}>
          <Segmented label="Lines" value={which} options={WHICH} onChange={setWhich} />
          <Button icon="refresh" onClick={() => void act('timeline')}>
            Gather now
          </Button>
        </div>
      }
    >
      {timeline === null && <p className={css.soft}>It is being gathered.</p>}
      <ol className={css.story} aria-label="Timeline">
        {lines.map((line, i) => (
          <li key={`${line.at} ${line.title} ${line.detail} ${i}`}>
            <time dateTime={new Date(line.at).toISOString()}>{formatDateTime(line.at, 'local')}</time>
            <div className={css.what}>
              <span className={css.badges}>
                <Badge tone={KIND_TONES[line.kind] ?? 'neutral'}>{line.kind}</Badge>
                <strong>{line.title}</strong>
              </span>
              {line.detail !== '' && <span className={css.detail}>{line.detail}</span>}
            </div>
            {line.entry !== undefined && <Sparkline entry={line.entry} />}
            {line.entry !== undefined && <Shown entry={line.entry} />}
          </li>
        ))}
      </ol>
      {timeline?.remarks.map((remark) => (
        <p key={remark} className={css.soft}>
          Left out: {remark}
        </p>
      ))}
    </Panel>
  );
}

export function Comparisons({ timeline }: { readonly timeline: Timeline | null }): ReactElement | null {
  if (timeline === null || timeline.comparisons.length === 0) return null;
  const value = (number: number | null): string => (number === null ? '–' : formatValue(number, 'none'));
  return (
    <Panel title="Before and after">
      <div className={css.scroll} role="group" aria-label="Before and after" tabIndex={0}>
        <table className={css.table}>
          <thead>
            <tr>
              <th scope="col">Series</th>
              <th scope="col">Before</th>
              <th scope="col">During</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {timeline.comparisons.map((one) => (
              <tr key={one.query}>
                <th scope="row">
                  <code>{one.query}</code>
                </th>
                <td>{value(one.before)}</td>
                <td>{value(one.during)}</td>
                <td>{one.hasAfter ? value(one.after) : '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
