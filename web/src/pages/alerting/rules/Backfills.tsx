// Backfills that run, wait, or were made: how far each is and what came of it.
import { useEffect, useState, type ReactElement } from 'react';
import { useResource } from '../../../api/resource';
import { Badge, type Tone } from '../../../components/Badge';
import { Button } from '../../../components/Button';
import { Notice } from '../../../components/Notice';
import { formatSeconds } from '../../../model/alerting';
import { describeJob, isOver, type BackfillJob, type BackfillState } from '../../../model/rule_groups';
import { cancelBackfill, NO_JOBS } from './ruling';
import css from './Rules.module.css';

const REFRESH_MS = 1_000;
const REST_MS = 15_000;
const SHOWN = 5;

const NAMES: Readonly<Record<BackfillState, string>> = {
  waiting: 'Waiting',
  running: 'Running',
  done: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
};
const TONES: Readonly<Record<BackfillState, Tone>> = {
  waiting: 'neutral',
  running: 'warn',
  done: 'good',
  failed: 'bad',
  cancelled: 'neutral',
};

// `begun` counts what was begun on this page: each looks at once.
export function Backfills({ begun }: { readonly begun: number }): ReactElement | null {
  const [refreshMs, setRefreshMs] = useState(REST_MS);
  const jobs = useResource<readonly BackfillJob[]>('api/kw/v1/rules/backfill', { refreshMs, absent: NO_JOBS });
  const [limit, setLimit] = useState(SHOWN);
  const [refused, setRefused] = useState<string>();
  const list = jobs.state === 'ready' ? jobs.data : NO_JOBS;
  const isBusy = list.some((job) => !isOver(job));
  const reload = jobs.state === 'loading' ? undefined : jobs.reload;
  useEffect(() => setRefreshMs(isBusy ? REFRESH_MS : REST_MS), [isBusy]);
  useEffect(() => {
    if (begun > 0) reload?.();
    // Only for what was begun: reloading changes `reload` itself.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [begun]);
  if (list.length === 0) return null;
  const cancel = async (id: number): Promise<void> => {
    setRefused(undefined);
    try {
      const told = await cancelBackfill(id);
      if (!told.ok) setRefused(told.fault.message);
    } catch (error) {
      setRefused(error instanceof Error ? error.message : String(error));
    }
    reload?.();
  };
  return (
    <section className={css.backfills} aria-label="Backfills">
      <h2>Backfills</h2>
      {refused !== undefined && <Notice tone="bad">{refused}</Notice>}
      <ul>
        {list.slice(0, limit).map((job) => (
          <li key={job.id}>
            <div className={css.jobHead}>
              <Badge tone={TONES[job.state]}>{NAMES[job.state]}</Badge>
              <h3>{job.groups.join(', ')}</h3>
              <span className={css.spacer} />
              {!isOver(job) && (
                <Button
                  aria-label={`Cancel the backfill of ${job.groups.join(', ')}`}
                  onClick={() => void cancel(job.id)}
                >
                  Cancel
                </Button>
              )}
            </div>
            {!isOver(job) && (
              <progress max={1} value={job.fraction} aria-label={`Backfill of ${job.groups.join(', ')}`} />
            )}
            <p className={css.jobFacts}>
              {new Date(job.start).toLocaleString()} to {new Date(job.end).toLocaleString()}: {describeJob(job)}
              {job.remainingSeconds !== undefined && `, ${formatSeconds(Math.ceil(job.remainingSeconds))} left`}
            </p>
            {(job.error ?? job.firstError) !== undefined && <p className={css.error}>{job.error ?? job.firstError}</p>}
          </li>
        ))}
      </ul>
      {list.length > limit && <Button onClick={() => setLimit(Infinity)}>Show all {list.length} backfills</Button>}
    </section>
  );
}
