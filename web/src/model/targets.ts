// Filtering and grouping of scrape targets.
import type { ActiveTarget, Health } from './answers';
import { sortedPairs } from './labels';

export interface TargetFilter {
  readonly text: string; // every word must occur in the URL, the labels, the pool or the error
  readonly health: Health | 'any';
}

export interface Pool {
  readonly name: string;
  readonly up: number; // of all targets of the pool, filtered or not
  readonly total: number;
  readonly targets: readonly ActiveTarget[]; // those that pass the filter
}

function haystack(target: ActiveTarget): string {
  const labels = sortedPairs(target.labels).map(([name, value]) => `${name}="${value}" ${name}=${value}`);
  return [target.scrapeUrl, target.scrapePool, target.lastError, ...labels].join('\n').toLowerCase();
}

export function matchesTarget(target: ActiveTarget, filter: TargetFilter): boolean {
  if (filter.health !== 'any' && target.health !== filter.health) return false;
  const words = filter.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return true;
  const text = haystack(target);
  return words.every((word) => text.includes(word));
}

// Pools in name order. `names` adds pools that have no target at all.
export function groupPools(targets: readonly ActiveTarget[], names: readonly string[], filter: TargetFilter): Pool[] {
  const byName = new Map<string, ActiveTarget[]>(names.map((name) => [name, []]));
  for (const target of targets) {
    const list = byName.get(target.scrapePool);
    if (list === undefined) byName.set(target.scrapePool, [target]);
    else list.push(target);
  }
  const filtering = filter.text.trim() !== '' || filter.health !== 'any';
  return [...byName]
    .map(([name, all]) => ({
      name,
      up: all.filter((target) => target.health === 'up').length,
      total: all.length,
      targets: all
        .filter((target) => matchesTarget(target, filter))
        .toSorted((a, b) => (a.scrapeUrl < b.scrapeUrl ? -1 : 1)),
    }))
    .filter((pool) => !filtering || pool.targets.length > 0)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
