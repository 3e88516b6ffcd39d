// Which rules of a group are computed for which time past.
import { useId, useState, type ReactElement } from 'react';
import { Button } from '../../../components/Button';
import { Dialog } from '../../../components/Dialog';
import { Notice } from '../../../components/Notice';
import type { RuleGroup } from '../../../model/alerting';
import { localMinute, secondsOf } from '../../../model/rule_groups';
import { startBackfill } from './ruling';
import css from './Rules.module.css';

const DAY_MS = 86_400_000;

export interface BackfillDialogProps {
  readonly group: RuleGroup;
  readonly onClose: () => void;
  readonly onBegun: () => void;
}

export function BackfillDialog({ group, onClose, onBegun }: BackfillDialogProps): ReactElement {
  const [from, setFrom] = useState(() => localMinute(Date.now() - DAY_MS));
  const [to, setTo] = useState(() => localMinute(Date.now()));
  const [rule, setRule] = useState('');
  const [refused, setRefused] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const id = useId();
  const recording = [...new Set(group.rules.filter(({ type }) => type === 'recording').map(({ name }) => name))];
  const begin = async (): Promise<void> => {
    const start = secondsOf(from);
    const end = secondsOf(to);
    if (start === undefined || end === undefined) {
      setRefused('Say from when until when.');
      return;
    }
    setIsBusy(true);
    setRefused(undefined);
    try {
      const told = await startBackfill({ group: group.name, file: group.file, start, end, rule });
      if (told.ok) {
        onBegun();
        onClose();
        return;
      }
      setRefused(told.fault.message);
    } catch (error) {
      setRefused(error instanceof Error ? error.message : String(error));
    }
    setIsBusy(false);
  };
  return (
    <Dialog title={`Backfill ${group.name}`} onClose={onClose}>
      <form
        className={css.form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void begin();
        }}
      >
        <p>
          Writes what the recording rules would have given. Samples that are there stay, so it may be done again at any
          time.
        </p>
        <div className={css.field}>
          <label htmlFor={`${id}-rule`}>Rules</label>
          <select id={`${id}-rule`} value={rule} onChange={(event) => setRule(event.target.value)}>
            <option value="">All {recording.length} recording rules</option>
            {recording.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </div>
        <div className={css.times}>
          <div className={css.field}>
            <label htmlFor={`${id}-from`}>From</label>
            <input
              id={`${id}-from`}
              type="datetime-local"
              value={from}
              onChange={(event) => setFrom(event.target.value)}
            />
          </div>
          <div className={css.field}>
            <label htmlFor={`${id}-to`}>Until</label>
            <input id={`${id}-to`} type="datetime-local" value={to} onChange={(event) => setTo(event.target.value)} />
          </div>
        </div>
        {refused !== undefined && (
          <Notice tone="bad" title="The server refused it">
            {refused}
          </Notice>
        )}
        <footer className={css.foot}>
          <span className={css.spacer} />
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" disabled={isBusy}>
            Backfill
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
