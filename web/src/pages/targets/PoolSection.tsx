// One scrape pool: its targets with health, labels and the last scrape.
import { useState, type ReactElement } from 'react';
import { Badge, type Tone } from '../../components/Badge';
import { Button } from '../../components/Button';
import { LabelChips } from '../../components/Labels';
import { Link } from '../../components/navigation';
import { Notice } from '../../components/Notice';
import type { ActiveTarget, Health } from '../../model/answers';
import { EMPTY_QUERY, emptyView, formatView } from '../../model/link';
import type { Pool } from '../../model/targets';
import { describeAge } from '../../model/time';
import { formatValue } from '../../model/units';
import css from './Targets.module.css';

// Of a pool at first; a pool of thousands is for the filter.
const SHOWN = 50;

const HEALTH_NAMES: Readonly<Record<Health, string>> = { up: 'Up', down: 'Down', unknown: 'Unknown' };
const HEALTH_TONES: Readonly<Record<Health, Tone>> = { up: 'good', down: 'bad', unknown: 'warn' };

export function PoolSection({ pool, nowMs }: { readonly pool: Pool; readonly nowMs: number }): ReactElement {
  const [limit, setLimit] = useState(SHOWN);
  const allUp = pool.up === pool.total;
  return (
    <details className={css.pool} open>
      <summary>
        <h2>{pool.name}</h2>
        <Badge tone={allUp ? 'good' : 'bad'}>
          {pool.up} / {pool.total} up
        </Badge>
      </summary>
      {pool.targets.length === 0 ? (
        <p className={css.note}>This pool has no targets.</p>
      ) : (
        <table className={css.table} aria-label={`Targets of ${pool.name}`}>
          <thead>
            <tr>
              <th scope="col">Endpoint</th>
              <th scope="col">State</th>
              <th scope="col">Labels</th>
              <th scope="col">Last scrape</th>
            </tr>
          </thead>
          <tbody>
            {pool.targets.slice(0, limit).map((target, i) => (
              <TargetRow key={`${target.scrapeUrl} ${i}`} target={target} nowMs={nowMs} />
            ))}
          </tbody>
        </table>
      )}
      {pool.targets.length > limit && (
        <div className={css.more}>
          <Button onClick={() => setLimit(Infinity)}>
            Show all {pool.targets.length.toLocaleString('en')} targets
          </Button>
        </div>
      )}
    </details>
  );
}

function upQuery({ labels }: ActiveTarget): string {
  const matchers = ['job', 'instance']
    .filter((name) => labels[name] !== undefined)
    .map((name) => `${name}=${JSON.stringify(labels[name])}`);
  return `up{${matchers.join(', ')}}`;
}

function exploreLink(target: ActiveTarget): string {
  const view = { ...emptyView('local'), queries: [{ ...EMPTY_QUERY, expr: upQuery(target) }] };
  return `/explore?${formatView(view).toString()}`;
}

function isHttp(url: string): boolean {
  return url.startsWith('http://') || url.startsWith('https://');
}

function TargetRow({ target, nowMs }: { readonly target: ActiveTarget; readonly nowMs: number }): ReactElement {
  const scraped = Date.parse(target.lastScrape);
  const never = Number.isNaN(scraped) || scraped <= 0;
  return (
    <tr>
      <td className={css.endpoint}>
        {isHttp(target.scrapeUrl) ? (
          <a href={target.globalUrl ?? target.scrapeUrl} rel="noreferrer">
            {target.scrapeUrl}
          </a>
        ) : (
          <span>{target.scrapeUrl}</span>
        )}
        {target.lastError !== '' && <Notice tone="bad">{target.lastError}</Notice>}
      </td>
      <td>
        <Badge tone={HEALTH_TONES[target.health]}>{HEALTH_NAMES[target.health]}</Badge>
      </td>
      <td>
        <LabelChips labels={target.labels} />
        <details className={css.discovered}>
          <summary>Discovered labels</summary>
          <LabelChips labels={target.discoveredLabels} />
        </details>
      </td>
      <td className={css.scrape}>
        {never ? (
          'never'
        ) : (
          <>
            <span title={target.lastScrape}>{describeAge(scraped, nowMs)}</span>
            <span className={css.took}>took {formatValue(target.lastScrapeDuration, 'seconds', 3)}</span>
          </>
        )}
        {target.scrapeInterval !== undefined && <span className={css.took}>every {target.scrapeInterval}</span>}
        <Link to={exploreLink(target)}>Explore</Link>
      </td>
    </tr>
  );
}
