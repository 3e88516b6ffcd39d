// Every group of rules with how its rules fare; groups are made and changed here, and computed for times past.
import { useMemo, useState, type ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { Totals } from '../../components/Badge';
import { Button, Segmented } from '../../components/Button';
import { Loaded } from '../../components/Loaded';
import { Hint, Notice } from '../../components/Notice';
import { SearchField } from '../../components/SearchField';
import { countRules, filterGroups, type RuleFilter, type RuleGroup, type RulesData } from '../../model/alerting';
import { NEW_GROUP_TEXT, type KnownGroup, type KnownGroups, type StoredGroup } from '../../model/rule_groups';
import { RuleGroupSection, type GroupActions } from './RuleGroupSection';
import { BackfillDialog } from './rules/BackfillDialog';
import { Backfills } from './rules/Backfills';
import { GroupDialog } from './rules/GroupDialog';
import { NO_GROUPS, readGroup } from './rules/ruling';
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
  const known = useResource<KnownGroups>('api/kw/v1/rules', { refreshMs: REFRESH_MS, absent: NO_GROUPS });
  const [opened, setOpened] = useState<Opened>();
  const [begun, setBegun] = useState(0);
  const [failure, setFailure] = useState<string>();
  // A server that is not ours has no such list.
  const isOurs = known.state === 'ready' && known.data !== NO_GROUPS;
  const broken = known.state === 'ready' ? known.data.groups.filter(({ error }) => error !== undefined) : [];
  const reload = (): void => {
    if (rules.state !== 'loading') rules.reload();
    if (known.state !== 'loading') known.reload();
  };
  const open = async (name: string, file: string): Promise<void> => {
    setFailure(undefined);
    try {
      const told = await readGroup(name, file, new AbortController().signal);
      if (told.ok) setOpened({ kind: 'group', group: told.data, text: told.data.text });
      else setFailure(told.fault.message);
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };
  const actions: GroupActions = {
    onOpen: (group) => void open(group.name, group.file),
    onBackfill: (group) => setOpened({ kind: 'backfill', group }),
  };
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
        {isOurs && (
          <Button icon="add" onClick={() => setOpened({ kind: 'group', group: undefined, text: NEW_GROUP_TEXT })}>
            New group
          </Button>
        )}
      </div>
      {failure !== undefined && <Notice tone="bad">{failure}</Notice>}
      {broken.map((group) => (
        <BrokenGroup key={group.name} group={group} onOpen={() => void open(group.name, group.file)} />
      ))}
      {isOurs && <Backfills begun={begun} />}
      <Loaded resource={rules} what="the rules">
        {(data) => (
          <Groups
            data={data}
            filter={filter}
            nowMs={rules.state === 'ready' ? rules.loadedAtMs : 0}
            known={known.state === 'ready' ? known.data.groups : []}
            actions={isOurs ? actions : undefined}
          />
        )}
      </Loaded>
      {opened?.kind === 'group' && (
        <GroupDialog group={opened.group} text={opened.text} onClose={() => setOpened(undefined)} onChanged={reload} />
      )}
      {opened?.kind === 'backfill' && (
        <BackfillDialog
          group={opened.group}
          onClose={() => setOpened(undefined)}
          onBegun={() => setBegun((n) => n + 1)}
        />
      )}
    </>
  );
}

type Opened =
  | { readonly kind: 'group'; readonly group: StoredGroup | undefined; readonly text: string }
  | { readonly kind: 'backfill'; readonly group: RuleGroup };

// A group that was made by another version and does not load: it does not run and so is not among the others.
function BrokenGroup({ group, onOpen }: { readonly group: KnownGroup; readonly onOpen: () => void }): ReactElement {
  return (
    <Notice tone="bad" title={`The group ${group.name} does not run`} action={<Button onClick={onOpen}>Change</Button>}>
      {group.error}
    </Notice>
  );
}

interface GroupsProps {
  readonly data: RulesData;
  readonly filter: RuleFilter;
  readonly nowMs: number;
  readonly known: readonly KnownGroup[];
  readonly actions: GroupActions | undefined;
}

function Groups({ data, filter, nowMs, known, actions }: GroupsProps): ReactElement {
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
              ? 'Make a group here, or name files of rules under rule_files in the configuration and reload.'
              : 'Clear the filter to see them all.'}
          </p>
        </Hint>
      )}
      {groups.map((group) => (
        <RuleGroupSection
          key={`${group.file} ${group.name}`}
          group={group}
          nowMs={nowMs}
          detection={known.find(({ name, file }) => name === group.name && file === group.file)?.slowestDetection ?? []}
          actions={actions}
        />
      ))}
    </>
  );
}
