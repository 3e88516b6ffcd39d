// All metrics of the server, to search by name and meaning. Choosing one asks for it as its type is asked for:
// a counter by its rate, a histogram by its 95th percentile.
import { useMemo, useState, type ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { Dialog } from '../../components/Dialog';
import { Loaded } from '../../components/Loaded';
import { Hint } from '../../components/Notice';
import type { MetricMetadata } from '../../model/answers';
import { queryFor, searchMetrics, type MetricEntry } from '../../model/metrics';
import css from './MetricBrowser.module.css';

const SHOWN_MAX = 200;

export interface MetricBrowserProps {
  readonly onPick: (expr: string) => void;
  readonly onClose: () => void;
}

type Metadata = Readonly<Record<string, readonly MetricMetadata[]>>;

export function MetricBrowser({ onPick, onClose }: MetricBrowserProps): ReactElement {
  const names = useResource<readonly string[]>('api/v1/label/__name__/values');
  const metadata = useResource<Metadata>('api/v1/metadata?limit_per_metric=1');
  const [text, setText] = useState('');
  const known = metadata.state === 'ready' ? metadata.data : undefined;
  const found = useMemo(
    () => (names.state === 'ready' ? searchMetrics(names.data, known ?? {}, text) : []),
    [names, known, text],
  );
  return (
    <Dialog title="Metrics" onClose={onClose}>
      <input
        type="search"
        className={css.search}
        aria-label="Search metrics"
        placeholder="Words of the name or the description"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <Loaded resource={names} what="the metrics">
        {() => (
          <>
            <p className={css.count} role="status">
              {found.length.toLocaleString('en')} metrics
              {found.length > SHOWN_MAX && `, the first ${SHOWN_MAX} shown`}
            </p>
            {found.length === 0 ? (
              <Hint title="No metric matches" />
            ) : (
              <ul className={css.list}>
                {found.slice(0, SHOWN_MAX).map((entry) => (
                  <MetricRow key={entry.name} entry={entry} onPick={onPick} />
                ))}
              </ul>
            )}
          </>
        )}
      </Loaded>
    </Dialog>
  );
}

function MetricRow({
  entry,
  onPick,
}: {
  readonly entry: MetricEntry;
  readonly onPick: (expr: string) => void;
}): ReactElement {
  return (
    <li>
      <button type="button" className={css.metric} onClick={() => onPick(queryFor(entry))}>
        <span className={css.name}>{entry.name}</span>
        {entry.type !== '' && <span className={css.type}>{entry.type}</span>}
        {entry.help !== '' && <span className={css.help}>{entry.help}</span>}
      </button>
    </li>
  );
}
