// Build, runtime, and configuration keys that do nothing yet.
import type { ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { DataTable } from '../../components/DataTable';
import { Loaded } from '../../components/Loaded';
import { Notice } from '../../components/Notice';
import { Panel } from '../../components/Page';
import { useSettings } from '../../components/settings';
import type { ConfigWarning } from '../../model/answers';
import { isShown, nameOfKey, showStatusValue } from '../../model/status';
import css from './Status.module.css';

type Facts = Readonly<Record<string, string | number | boolean>>;

const NO_WARNINGS: { readonly warnings: readonly ConfigWarning[] } = { warnings: [] };

export function OverviewTab(): ReactElement {
  const warnings = useResource('api/kw/v1/status/warnings', { absent: NO_WARNINGS });
  const runtime = useResource<Facts>('api/v1/status/runtimeinfo');
  const build = useResource<Facts>('api/v1/status/buildinfo');
  return (
    <>
      <Loaded resource={warnings} what="the configuration’s warnings">
        {({ warnings: list }) => <Warnings list={list} />}
      </Loaded>
      <div className={css.columns}>
        <Panel title="Runtime">
          <Loaded resource={runtime} what="the runtime information">
            {(facts) => <FactsTable label="Runtime" facts={facts} />}
          </Loaded>
        </Panel>
        <Panel title="Build">
          <Loaded resource={build} what="the build information">
            {(facts) => <FactsTable label="Build" facts={facts} />}
          </Loaded>
        </Panel>
      </div>
    </>
  );
}

function FactsTable({ label, facts }: { readonly label: string; readonly facts: Facts }): ReactElement {
  const { zone } = useSettings();
  const rows = Object.entries(facts)
    .filter(([key, value]) => isShown(key, value))
    .map(([key, value]) => [nameOfKey(key), showStatusValue(key, value, zone)] as const);
  return <DataTable label={label} rows={rows} />;
}

function Warnings({ list }: { readonly list: readonly ConfigWarning[] }): ReactElement | null {
  if (list.length === 0) return null;
  return (
    <Panel title={`Configuration keys without effect (${list.length})`}>
      <ul className={css.warnings}>
        {list.map((warning) => (
          <li key={`${warning.file}:${warning.line}:${warning.key}`}>
            <Notice tone="warn" title={warning.key}>
              {warning.message}{' '}
              <span className={css.place}>
                {warning.file}:{warning.line}
              </span>
            </Notice>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
