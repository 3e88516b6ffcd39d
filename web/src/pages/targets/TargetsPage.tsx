// Targets: what is scraped, whether it answers, and what discovery found and relabelling dropped.
import { useMemo, type ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { Totals } from '../../components/Badge';
import { Button, Segmented } from '../../components/Button';
import { LabelChips } from '../../components/Labels';
import { Loaded } from '../../components/Loaded';
import { navigate, useLocation } from '../../components/navigation';
import { Hint } from '../../components/Notice';
import { Page } from '../../components/Page';
import { SearchField } from '../../components/SearchField';
import type { DroppedTarget, Health, TargetsData } from '../../model/answers';
import { groupPools, type TargetFilter } from '../../model/targets';
import { PoolSection } from './PoolSection';
import css from './Targets.module.css';

const REFRESH_MS = 10_000;
const DROPPED_SHOWN_MAX = 200;

const HEALTHS = [
  { value: 'any', label: 'All' },
  { value: 'up', label: 'Up' },
  { value: 'down', label: 'Down' },
  { value: 'unknown', label: 'Unknown' },
] as const;

const NO_POOLS: { readonly scrapePools: readonly string[] } = { scrapePools: [] };

function useFilter(): readonly [TargetFilter, (change: Partial<TargetFilter>) => void] {
  const { search } = useLocation();
  const filter = useMemo((): TargetFilter => {
    const parameters = new URLSearchParams(search);
    const health = parameters.get('health');
    const known = health === 'up' || health === 'down' || health === 'unknown';
    return { text: parameters.get('q') ?? '', health: known ? health : 'any' };
  }, [search]);
  const change = (next: Partial<TargetFilter>): void => {
    const { text, health } = { ...filter, ...next };
    const parameters = new URLSearchParams();
    if (text !== '') parameters.set('q', text);
    if (health !== 'any') parameters.set('health', health);
    const query = parameters.toString();
    navigate(`/targets${query === '' ? '' : `?${query}`}`, { replace: true });
  };
  return [filter, change];
}

export default function TargetsPage(): ReactElement {
  const [filter, change] = useFilter();
  const targets = useResource<TargetsData>('api/v1/targets', { refreshMs: REFRESH_MS });
  const pools = useResource('api/v1/scrape_pools', { absent: NO_POOLS, refreshMs: REFRESH_MS });
  const poolNames = pools.state === 'ready' ? pools.data.scrapePools : NO_POOLS.scrapePools;
  return (
    <Page
      title="Targets"
      toolbar={
        <>
          <SearchField
            label="Filter targets"
            placeholder="Filter by label, URL or error"
            value={filter.text}
            onChange={(text) => change({ text })}
          />
          <Segmented<Health | 'any'>
            label="Health"
            value={filter.health}
            options={HEALTHS}
            onChange={(health) => change({ health })}
          />
          <Button icon="refresh" onClick={() => targets.state !== 'loading' && targets.reload()}>
            Refresh
          </Button>
        </>
      }
    >
      <Loaded resource={targets} what="the targets">
        {(data) => (
          <Pools
            data={data}
            names={poolNames}
            filter={filter}
            nowMs={targets.state === 'ready' ? targets.loadedAtMs : 0}
          />
        )}
      </Loaded>
    </Page>
  );
}

interface PoolsProps {
  readonly data: TargetsData;
  readonly names: readonly string[];
  readonly filter: TargetFilter;
  readonly nowMs: number;
}

function Pools({ data, names, filter, nowMs }: PoolsProps): ReactElement {
  const pools = useMemo(() => groupPools(data.activeTargets, names, filter), [data, names, filter]);
  const count = (health: Health): number => data.activeTargets.filter((target) => target.health === health).length;
  return (
    <>
      <Totals
        totals={[
          { value: data.activeTargets.length, name: 'targets' },
          { value: count('up'), name: 'up', tone: 'good' },
          { value: count('down'), name: 'down', tone: count('down') > 0 ? 'bad' : undefined },
          { value: count('unknown'), name: 'not scraped yet' },
          { value: droppedCount(data), name: 'dropped' },
        ]}
      />
      {pools.length === 0 && (
        <Hint title={data.activeTargets.length === 0 ? 'Nothing is scraped yet' : 'No target passes the filter'}>
          <p>
            {data.activeTargets.length === 0
              ? 'Add scrape_configs to the configuration file and reload.'
              : 'Clear the filter to see them all.'}
          </p>
        </Hint>
      )}
      {pools.map((pool) => (
        <PoolSection key={pool.name} pool={pool} nowMs={nowMs} />
      ))}
      {droppedCount(data) > 0 && <Dropped data={data} />}
    </>
  );
}

function droppedCount(data: TargetsData): number {
  const counts = Object.values(data.droppedTargetCounts ?? {});
  if (counts.length > 0) return counts.reduce((sum, each) => sum + each, 0);
  return data.droppedTargets.length;
}

function Dropped({ data }: { readonly data: TargetsData }): ReactElement {
  const shown = data.droppedTargets.slice(0, DROPPED_SHOWN_MAX);
  return (
    <details className={css.dropped}>
      <summary>
        Dropped targets <span className={css.count}>{droppedCount(data).toLocaleString('en')}</span>
      </summary>
      <p className={css.note}>
        Discovered, then dropped by relabelling. Shown are {shown.length.toLocaleString('en')} with the labels they were
        discovered with.
      </p>
      <ul className={css.droppedList}>
        {shown.map((target: DroppedTarget, i) => (
          <li key={i}>
            <LabelChips labels={target.discoveredLabels} />
          </li>
        ))}
      </ul>
    </details>
  );
}
