// Every group of rules with how its rules fare.
import { useMemo, type ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { Totals } from '../../components/Badge';
import { Segmented } from '../../components/Button';
import { Loaded } from '../../components/Loaded';
import { Hint } from '../../components/Notice';
import { SearchField } from '../../components/SearchField';
import { countRules, filterGroups, type RuleFilter, type RulesData } from '../../model/alerting';
import { RuleGroupSection } from './RuleGroupSection';
import { useUrlFilter } from './useUrlFilter';
import css from './Alerting.module.css';

const REFRESH_MS = 10_000;

const STATES = [
  { value: 'any', label: 'All' },
  { value: 'firing', label: 'Firing' },
  { value: 'pending', label: 'Pending' },
  { value: 'inactive', label: 'Inactive' },
  { value: 'failing', label: 'Failing' },
  { value: 'recording', label: 'Recording' },
] as const;

export function RulesTab(): ReactElement {
  const [filter, change] = useUrlFilter(STATES, 'any');
  const rules = useResource<RulesData>('api/v1/rules', { refreshMs: REFRESH_MS });
  return (
    <>
      <div className={css.filters}>
        <SearchField
          label="Filter rules"
          placeholder="Filter by name, label or text"
          value={filter.text}
          onChange={(text) => change({ text })}
        />
        <Segmented label="State" value={filter.state} options={STATES} onChange={(state) => change({ state })} />
      </div>
      <Loaded resource={rules} what="the rules">
        {(data) => <Groups data={data} filter={filter} nowMs={rules.state === 'ready' ? rules.loadedAtMs : 0} />}
      </Loaded>
    </>
  );
}

interface GroupsProps {
  readonly data: RulesData;
  readonly filter: RuleFilter;
  readonly nowMs: number;
}

function Groups({ data, filter, nowMs }: GroupsProps): ReactElement {
  const { text, state } = filter;
  const groups = useMemo(() => filterGroups(data.groups, { text, state }), [data, text, state]);
  const counts = useMemo(() => countRules(data.groups), [data]);
  return (
    <>
      <Totals
        totals={[
          { value: data.groups.length, name: 'groups' },
          { value: counts.rules, name: 'rules' },
          { value: counts.firing, name: 'firing', tone: counts.firing > 0 ? 'bad' : undefined },
          { value: counts.pending, name: 'pending', tone: counts.pending > 0 ? 'warn' : undefined },
          { value: counts.failing, name: 'failing', tone: counts.failing > 0 ? 'bad' : undefined },
        ]}
      />
      {groups.length === 0 && (
        <Hint title={data.groups.length === 0 ? 'There are no rules yet' : 'No rule passes the filter'}>
          <p>
            {data.groups.length === 0
              ? 'Name files of rules under rule_files in the configuration and reload.'
              : 'Clear the filter to see them all.'}
          </p>
        </Hint>
      )}
      {groups.map((group) => (
        <RuleGroupSection key={`${group.file} ${group.name}`} group={group} nowMs={nowMs} />
      ))}
    </>
  );
}
