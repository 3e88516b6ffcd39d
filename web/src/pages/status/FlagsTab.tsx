// The command line's flags with the values in force.
import { useState, type ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { DataTable } from '../../components/DataTable';
import { Loaded } from '../../components/Loaded';
import { Hint } from '../../components/Notice';
import { Panel } from '../../components/Page';
import css from './Status.module.css';

export function FlagsTab(): ReactElement {
  const flags = useResource<Readonly<Record<string, string>>>('api/v1/status/flags');
  const [text, setText] = useState('');
  return (
    <Panel
      title="Flags"
      action={
        <label>
          <span className="visually-hidden">Filter flags</span>
          <input
            type="search"
            className={css.filter}
            data-first-field
            placeholder="Filter"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
      }
    >
      <Loaded resource={flags} what="the flags">
        {(data) => {
          const rows = Object.entries(data)
            .filter(([name, value]) => `--${name}=${value}`.toLowerCase().includes(text.trim().toLowerCase()))
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, value]) => [`--${name}`, <code key={name}>{value}</code>] as const);
          return rows.length === 0 ? (
            <Hint title="No flag matches" />
          ) : (
            <DataTable label="Flags" head={['Flag', 'Value']} rows={rows} />
          );
        }}
      </Loaded>
    </Panel>
  );
}
