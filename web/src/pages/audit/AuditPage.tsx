// The audit: who changed what, when and from where, the newest first; the filter lives in the address.
import { useState, type ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { Badge, type Tone } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Loaded } from '../../components/Loaded';
import { navigate, useLocation } from '../../components/navigation';
import { Hint } from '../../components/Notice';
import { Page } from '../../components/Page';
import { changesOf, type AuditEntry, type AuditPage } from '../../model/audit';
import { formatDateTime } from '../../model/time';
import css from './Audit.module.css';

const REFRESH_MS = 10_000;
const PAGE_SIZE = 50;
const FILTERS = [
  { name: 'actor', label: 'Who' },
  { name: 'action', label: 'Action' },
  { name: 'kind', label: 'Kind' },
  { name: 'object', label: 'Object' },
] as const;
const TONES: Readonly<Record<string, Tone>> = { create: 'good', remove: 'bad' };

export default function AuditPageView(): ReactElement {
  const { path, search } = useLocation();
  const asked = new URLSearchParams(search);
  const go = (next: URLSearchParams): void => {
    const text = next.toString();
    navigate(`${path}${text === '' ? '' : `?${text}`}`);
  };
  const turnTo = (before: string | null): void => {
    const next = new URLSearchParams(search);
    if (before === null) next.delete('before');
    else next.set('before', before);
    go(next);
  };
  const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
  for (const name of [...FILTERS.map((filter) => filter.name), 'before']) {
    const value = asked.get(name);
    if (value !== null) query.set(name, value);
  }
  const isFirst = !asked.has('before');
  const page = useResource<AuditPage>(`api/kw/v1/audit?${query.toString()}`, { refreshMs: isFirst ? REFRESH_MS : 0 });
  const isFiltered = FILTERS.some(({ name }) => asked.has(name));
  return (
    <Page
      title="Audit"
      toolbar={
        <>
          {!isFirst && <Button onClick={() => turnTo(null)}>Newest</Button>}
          {page.state === 'ready' && page.data.next !== null && (
            <Button onClick={() => turnTo(String(page.data.next))}>Older</Button>
          )}
        </>
      }
    >
      <Filter key={search} asked={asked} onFilter={go} />
      <Loaded resource={page} what="the audit">
        {({ entries }) =>
          entries.length === 0 ? (
            <Hint title={isFiltered ? 'No change passes the filter' : 'Nothing was changed yet'}>
              <p>Silences, rule groups, incidents and tests of receivers stand here with who did it.</p>
            </Hint>
          ) : (
            <ol className={css.entries} aria-label="Changes">
              {entries.map((entry) => (
                <Entry key={entry.id} entry={entry} />
              ))}
            </ol>
          )
        }
      </Loaded>
    </Page>
  );
}

interface FilterProps {
  readonly asked: URLSearchParams;
  readonly onFilter: (next: URLSearchParams) => void;
}

function Filter({ asked, onFilter }: FilterProps): ReactElement {
  return (
    <form
      className={css.filter}
      aria-label="Filter"
      onSubmit={(event) => {
        event.preventDefault();
        const given = new FormData(event.currentTarget);
        const next = new URLSearchParams();
        for (const { name } of FILTERS) {
          const value = given.get(name);
          if (typeof value === 'string' && value.trim() !== '') next.set(name, value.trim());
        }
        onFilter(next);
      }}
    >
      {FILTERS.map(({ name, label }, index) => (
        <label key={name}>
          <span>{label}</span>
          <input
            name={name}
            defaultValue={asked.get(name) ?? ''}
            {...(index === 0 ? { 'data-first-field': '' } : {})}
          />
        </label>
      ))}
      <Button type="submit">Filter</Button>
    </form>
  );
}

function Entry({ entry }: { readonly entry: AuditEntry }): ReactElement {
  const [isOpen, setOpen] = useState(false);
  const changes = changesOf(entry.before, entry.after);
  return (
    <li className={css.entry}>
      <time dateTime={entry.at}>{formatDateTime(Date.parse(entry.at), 'local')}</time>
      <div className={css.what}>
        <p>
          <Badge tone={TONES[entry.action] ?? 'neutral'}>{entry.action}</Badge> {entry.kind} <code>{entry.object}</code>
        </p>
        <p className={css.soft}>
          by {entry.actor === '' ? 'nobody named' : entry.actor}
          {entry.origin !== '' && `, from ${entry.origin}`}
        </p>
      </div>
      {changes.length > 0 && (
        <details className={css.changes} onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>
            {changes.length} {changes.length === 1 ? 'change' : 'changes'}
          </summary>
          {isOpen && (
            <dl>
              {changes.map(({ name, before, after }) => (
                <div key={name}>
                  <dt>{name === '' ? entry.kind : name}</dt>
                  {before !== undefined && (
                    <dd>
                      <span className="visually-hidden">before: </span>
                      <del>{before}</del>
                    </dd>
                  )}
                  {after !== undefined && (
                    <dd>
                      <span className="visually-hidden">after: </span>
                      <ins>{after}</ins>
                    </dd>
                  )}
                </div>
              ))}
            </dl>
          )}
        </details>
      )}
    </li>
  );
}
