// What to ask first: shown while the only query is empty.
import type { ReactElement } from 'react';
import type { TitledQuery } from '../../model/promql_split';
import css from './ExampleQueries.module.css';

const EXAMPLES: readonly (readonly [string, string, readonly TitledQuery[]])[] = [
  ['Targets that are up', 'One line a target, 1 while it answers', [{ title: 'Targets that are up', expr: 'up' }]],
  [
    'CPU in use',
    'Share of each machine’s processors that is not idle',
    [{ title: 'CPU in use', expr: '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))' }],
  ],
  [
    'Memory',
    'Available, and what this process holds',
    [
      { title: 'Memory available', expr: 'node_memory_MemAvailable_bytes' },
      { title: 'Resident memory of processes', expr: 'process_resident_memory_bytes' },
    ],
  ],
  [
    'Network traffic',
    'Bytes a second by device',
    [
      { title: 'Sent', expr: 'rate(node_network_transmit_bytes_total[5m])' },
      { title: 'Received', expr: 'rate(node_network_receive_bytes_total[5m])' },
    ],
  ],
  [
    'Disk space',
    'Bytes available by mount point',
    [{ title: 'Disk space available', expr: 'node_filesystem_avail_bytes' }],
  ],
  [
    'Scrape durations',
    'How long each target takes to answer',
    [{ title: 'Scrape duration', expr: 'scrape_duration_seconds' }],
  ],
];

export function ExampleQueries({
  onOpen,
}: {
  readonly onOpen: (queries: readonly TitledQuery[]) => void;
}): ReactElement {
  return (
    <section className={css.examples} aria-labelledby="examples">
      <h2 id="examples">Start from an example</h2>
      <ul className={css.list}>
        {EXAMPLES.map(([name, what, queries]) => (
          <li key={name}>
            <button type="button" className={css.card} onClick={() => onOpen(queries)}>
              <span className={css.name}>{name}</span>
              <span className={css.what}>{what}</span>
            </button>
          </li>
        ))}
      </ul>
      <p className={css.hint}>
        Or paste several queries at once: lines that begin with <code>#</code> become their titles.
      </p>
    </section>
  );
}
