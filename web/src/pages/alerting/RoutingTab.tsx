// Routing: the tree of routes, and who would be told of an alert in it.
import { useId, useState, type ReactElement } from 'react';
import { postJson } from '../../api/client';
import { useResource } from '../../api/resource';
import { Badge, type Tone } from '../../components/Badge';
import { Button } from '../../components/Button';
import { LabelChips } from '../../components/Labels';
import { Loaded } from '../../components/Loaded';
import { Hint, Notice } from '../../components/Notice';
import { Panel } from '../../components/Page';
import {
  describeEvent,
  describeSeconds,
  parseLabels,
  type EventKind,
  type RouteMembers,
  type RouteNode,
  type RouteTree,
  type Simulation,
} from '../../model/notifications';
import { formatDateTime } from '../../model/time';
import css from './Alerting.module.css';
import own from './Routing.module.css';

const TONES: Readonly<Record<EventKind, Tone>> = {
  firing: 'bad',
  repeat: 'warn',
  resolved: 'good',
  suppressed: 'neutral',
};

export function RoutingTab(): ReactElement {
  const tree = useResource<RouteTree>('api/kw/v1/alerts/routes');
  const [simulation, setSimulation] = useState<Simulation>();
  const matched = new Set(simulation?.routes.flatMap(({ route }) => route.path.map(({ index }) => index)));
  return (
    <div className={own.columns}>
      <Panel title="Simulate an alert">
        <SimulationForm onDone={setSimulation} />
        {simulation !== undefined && <Outcome simulation={simulation} />}
      </Panel>
      <Panel title="Routes">
        <Loaded resource={tree} what="the routes">
          {({ route }) => (
            <ul className={own.tree} aria-label="Routes">
              <Node node={route} matched={matched} />
            </ul>
          )}
        </Loaded>
      </Panel>
    </div>
  );
}

function SimulationForm({ onDone }: { readonly onDone: (simulation: Simulation | undefined) => void }): ReactElement {
  const id = useId();
  const [labels, setLabels] = useState('');
  const [at, setAt] = useState('');
  const [lasts, setLasts] = useState('');
  const [failure, setFailure] = useState<string>();
  const run = async (): Promise<void> => {
    setFailure(undefined);
    onDone(undefined);
    const parsed = parseLabels(labels);
    if (typeof parsed === 'string') {
      setFailure(parsed);
      return;
    }
    const begin = at === '' ? new Date() : new Date(at);
    const hours = lasts === '' ? undefined : Number(lasts);
    if (Number.isNaN(begin.getTime()) || (hours !== undefined && !(hours >= 0))) {
      setFailure('The time or the number of hours cannot be read.');
      return;
    }
    try {
      onDone(
        await postJson<Simulation>('api/kw/v1/alerts/simulate', {
          labels: parsed,
          at: begin.toISOString(),
          ...(hours === undefined ? {} : { endsAt: new Date(begin.getTime() + hours * 3_600_000).toISOString() }),
        }),
      );
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <form
      className={own.form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      <label htmlFor={`${id}-labels`}>Labels</label>
      <textarea
        id={`${id}-labels`}
        rows={2}
        data-first-field
        spellCheck={false}
        className={own.code}
        placeholder={'alertname="HighErrorRate" severity="critical"'}
        aria-invalid={failure !== undefined}
        value={labels}
        onChange={(event) => setLabels(event.target.value)}
      />
      <div className={own.times}>
        <label htmlFor={`${id}-at`}>Begins (empty: now)</label>
        <label htmlFor={`${id}-lasts`}>Lasts, in hours</label>
        <input id={`${id}-at`} type="datetime-local" value={at} onChange={(event) => setAt(event.target.value)} />
        <input
          id={`${id}-lasts`}
          inputMode="decimal"
          placeholder="longer than a day"
          value={lasts}
          onChange={(event) => setLasts(event.target.value)}
        />
      </div>
      {failure !== undefined && (
        <Notice tone="bad" title="Not simulated">
          {failure}
        </Notice>
      )}
      <div>
        <Button type="submit" variant="primary">
          Simulate
        </Button>
      </div>
    </form>
  );
}

function timeText(text: string): string {
  return formatDateTime(Date.parse(text), 'local');
}

function Outcome({ simulation }: { readonly simulation: Simulation }): ReactElement {
  return (
    <div className={own.outcome} role="status">
      {simulation.routes.length === 0 && <Hint title="No route takes it: nobody is told" />}
      {simulation.routes.map(({ route, events, messages, isCut }) => (
        <section key={route.index} className={own.told} aria-label={`Receiver ${route.receiver}`}>
          <h3>
            {route.receiver}{' '}
            <span className={own.soft}>
              {messages.toLocaleString('en')} {messages === 1 ? 'message' : 'messages'} in 24 h
            </span>
          </h3>
          <p className={css.facts}>
            <span>by {route.path.map(({ matchers }) => matchers).join(' › ')}</span>
          </p>
          <p className={css.facts}>
            <span>
              {route.groupSize === 0
                ? 'begins the group'
                : `joins ${route.groupSize.toLocaleString('en')} ${route.groupSize === 1 ? 'alert' : 'alerts'} of the group`}
            </span>
          </p>
          <LabelChips labels={route.groupLabels} />
          {events.length === 0 ? (
            <p>Nobody is told: it ends before the group is looked at.</p>
          ) : (
            <ol className={own.events}>
              {events.map((event) => (
                <li key={`${event.kind}${event.at}`}>
                  <time dateTime={event.at}>{timeText(event.at)}</time>
                  <Badge tone={TONES[event.kind]}>{describeEvent(event.kind)}</Badge>
                  <span>
                    {event.integrations.join(', ')}
                    {event.reasons.join('; ')}
                    {event.until !== undefined && event.until !== event.at && ` (until ${timeText(event.until)})`}
                  </span>
                </li>
              ))}
            </ol>
          )}
          {isCut && <p className={own.soft}>There would be more: only the first part is shown.</p>}
        </section>
      ))}
      <p className={own.soft}>Assumed: {simulation.assumptions.join('; ')}.</p>
    </div>
  );
}

function Timings({ route }: { readonly route: RouteMembers }): ReactElement {
  return (
    <p className={css.facts}>
      <span>waits {describeSeconds(route.groupWait)}</span>
      <span>then every {describeSeconds(route.groupInterval)}</span>
      <span>repeats after {describeSeconds(route.repeatInterval)}</span>
      <span>by {route.groupBy.length === 0 ? 'nothing: one group' : route.groupBy.join(', ')}</span>
      {route.muteTimeIntervals.length > 0 && <span>muted in {route.muteTimeIntervals.join(', ')}</span>}
      {route.activeTimeIntervals.length > 0 && <span>only in {route.activeTimeIntervals.join(', ')}</span>}
    </p>
  );
}

function Node({ node, matched }: { readonly node: RouteNode; readonly matched: ReadonlySet<number> }): ReactElement {
  const isMatched = matched.has(node.index);
  return (
    <li>
      <div className={[own.node, isMatched ? own.matched : undefined].filter(Boolean).join(' ')}>
        <div className={own.nodeHead}>
          {node.matchers.length === 0 ? (
            <span className={own.soft}>everything</span>
          ) : (
            node.matchers.map((matcher) => (
              <code key={matcher} className={own.matcher}>
                {matcher}
              </code>
            ))
          )}
          <span aria-hidden="true">→</span>
          <strong>{node.receiver}</strong>
          {isMatched && <Badge tone="good">Matched</Badge>}
          {node.continue && <Badge tone="neutral">continues</Badge>}
        </div>
        <p className={own.soft}>
          {node.integrations.length === 0 ? 'no integration acts' : node.integrations.join(', ')}
        </p>
        <Timings route={node} />
      </div>
      {node.routes.length > 0 && (
        <ul className={own.branch}>
          {node.routes.map((child) => (
            <Node key={child.index} node={child} matched={matched} />
          ))}
        </ul>
      )}
    </li>
  );
}
