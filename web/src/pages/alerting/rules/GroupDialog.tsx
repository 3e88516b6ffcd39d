// A group of rules while it is written: its text, held against the server at every pause, and what the rule at the
// cursor gives now. A group that stands in a file is shown and cannot be changed.
import { useEffect, useId, useRef, useState, type ReactElement } from 'react';
import { getJson } from '../../../api/client';
import { Button } from '../../../components/Button';
import { Dialog } from '../../../components/Dialog';
import { LabelChips } from '../../../components/Labels';
import { Notice } from '../../../components/Notice';
import type { Labels } from '../../../model/labels';
import {
  lineAt,
  lineSpan,
  ruleAt,
  type DraftedRule,
  type GroupFault,
  type StoredGroup,
} from '../../../model/rule_groups';
import { formatValue } from '../../../model/units';
import { checkGroup, removeGroup, saveGroup } from './ruling';
import css from './Rules.module.css';

const PAUSE_MS = 400;
const PREVIEWED = 5;

export interface GroupDialogProps {
  readonly group: StoredGroup | undefined; // undefined: a new one
  readonly text: string;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

interface Checked {
  readonly name: string;
  readonly text: string;
  readonly fault?: GroupFault;
  readonly rules: readonly DraftedRule[];
  readonly warnings: readonly string[];
}

const faultOf = (error: unknown): GroupFault => ({ message: error instanceof Error ? error.message : String(error) });

function useCheck(name: string, text: string, isOff: boolean): Checked | undefined {
  const [checked, setChecked] = useState<Checked>();
  useEffect(() => {
    if (isOff || name === '') return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      checkGroup(name, text, abort.signal).then(
        (told) =>
          setChecked(
            told.ok
              ? { name, text, rules: told.data.rules ?? [], warnings: told.warnings }
              : { name, text, fault: told.fault, rules: [], warnings: [] },
          ),
        (error: unknown) => {
          if (!abort.signal.aborted) setChecked({ name, text, fault: faultOf(error), rules: [], warnings: [] });
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [name, text, isOff]);
  return checked;
}

export function GroupDialog({ group, text: given, onClose, onChanged }: GroupDialogProps): ReactElement {
  const [name, setName] = useState(group?.name ?? '');
  const [text, setText] = useState(given);
  const [line, setLine] = useState(1);
  const [refused, setRefused] = useState<GroupFault>();
  const [isBusy, setIsBusy] = useState(false);
  const [isSure, setIsSure] = useState(false); // of removing it
  const area = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  const isFixed = group?.origin === 'file';
  const checked = useCheck(name.trim(), text, isFixed);
  const isChecked = checked?.name === name.trim() && checked.text === text;
  const fault = refused ?? checked?.fault;
  const rule = ruleAt(isFixed ? (group.rules ?? []) : (checked?.rules ?? []), line);

  const act = async (work: () => Promise<{ ok: true } | { ok: false; fault: GroupFault }>): Promise<void> => {
    setIsBusy(true);
    setRefused(undefined);
    try {
      const told = await work();
      if (told.ok) {
        onChanged();
        onClose();
        return;
      }
      setRefused(told.fault);
    } catch (error) {
      setRefused(faultOf(error));
    }
    setIsBusy(false);
  };
  const goToLine = (at: number): void => {
    const { start, end } = lineSpan(text, at);
    area.current?.focus();
    area.current?.setSelectionRange(start, end);
    setLine(at);
  };
  const title = group === undefined ? 'New rule group' : isFixed ? `Rule group ${group.name}` : `Change ${group.name}`;
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className={css.form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void act(() => saveGroup(name.trim(), text, group?.revision ?? 0));
        }}
      >
        {isFixed && (
          <Notice tone="info" title={`It stands in ${group.file}`}>
            Change it there and reload the configuration.
          </Notice>
        )}
        {group === undefined && (
          <div className={css.field}>
            <label htmlFor={`${id}-name`}>Name</label>
            <input
              id={`${id}-name`}
              spellCheck={false}
              autoComplete="off"
              value={name}
              onChange={(event) => {
                setName(event.target.value);
                setRefused(undefined);
              }}
            />
          </div>
        )}
        <div className={css.field}>
          <label htmlFor={`${id}-text`}>{isFixed ? 'Text' : 'Text, as in a rule file'}</label>
          <textarea
            ref={area}
            id={`${id}-text`}
            className={css.text}
            rows={10}
            wrap="off"
            spellCheck={false}
            readOnly={isFixed}
            aria-invalid={fault !== undefined}
            aria-describedby={`${id}-state`}
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setLine(lineAt(event.target.value, event.target.selectionStart));
              setRefused(undefined);
            }}
            onSelect={(event) => setLine(lineAt(event.currentTarget.value, event.currentTarget.selectionStart))}
          />
        </div>
        {!isFixed && (
          <div id={`${id}-state`} className={css.state} role="status">
            {fault !== undefined ? (
              <p className={css.error}>
                {fault.line !== undefined && (
                  <Button variant="ghost" onClick={() => goToLine(fault.line ?? 1)}>
                    Line {fault.line}
                  </Button>
                )}
                {fault.key !== undefined && fault.key !== '' && <code>{fault.key}</code>} {fault.message}
              </p>
            ) : isChecked ? (
              <p>
                Good: {checked.rules.length.toLocaleString('en')} {checked.rules.length === 1 ? 'rule' : 'rules'}
              </p>
            ) : (
              <p>{name.trim() === '' ? 'Give it a name.' : 'Checking…'}</p>
            )}
            {isChecked && checked.warnings.map((warning) => <p key={warning}>Note: {warning}</p>)}
          </div>
        )}
        {rule !== undefined && <Preview rule={rule} />}
        <footer className={css.foot}>
          {group?.origin === 'api' &&
            (isSure ? (
              <Button variant="danger" disabled={isBusy} onClick={() => void act(() => removeGroup(group.name))}>
                Remove it for good
              </Button>
            ) : (
              <Button disabled={isBusy} onClick={() => setIsSure(true)}>
                Remove…
              </Button>
            ))}
          <span className={css.spacer} />
          <Button onClick={onClose}>{isFixed ? 'Close' : 'Cancel'}</Button>
          {!isFixed && (
            <Button type="submit" variant="primary" disabled={isBusy || !isChecked || checked.fault !== undefined}>
              {group === undefined ? 'Make the group' : 'Save'}
            </Button>
          )}
        </footer>
      </form>
    </Dialog>
  );
}

interface Vector {
  readonly resultType: string;
  readonly result:
    readonly { readonly metric: Labels; readonly value?: readonly [number, string] }[] | [number, string];
}

interface Answer {
  readonly query: string;
  readonly rows: readonly { readonly labels: Labels; readonly value: string }[];
  readonly error?: string;
}

// What the rule's expression gives now.
function Preview({ rule }: { readonly rule: DraftedRule }): ReactElement {
  const [answer, setAnswer] = useState<Answer>();
  const { query } = rule;
  useEffect(() => {
    const abort = new AbortController();
    getJson<Vector>('api/v1/query', abort.signal, { query }).then(
      ({ data }) => {
        const { result, resultType } = data;
        const rows =
          resultType === 'scalar'
            ? [{ labels: {}, value: String(result[1]) }]
            : (result as Exclude<Vector['result'], [number, string]>).map(({ metric, value }) => ({
                labels: metric,
                value: value?.[1] ?? '',
              }));
        setAnswer({ query, rows });
      },
      (error: unknown) => {
        if (!abort.signal.aborted) setAnswer({ query, rows: [], error: faultOf(error).message });
      },
    );
    return () => abort.abort();
  }, [query]);
  const shown = answer?.query === query ? answer : undefined;
  return (
    <section className={css.preview} aria-label={`What ${rule.name} gives now`}>
      <h3>
        {rule.name} now:{' '}
        {shown === undefined
          ? '…'
          : `${shown.rows.length.toLocaleString('en')} ${rule.type === 'alerting' ? (shown.rows.length === 1 ? 'alert' : 'alerts') : 'series'}`}
      </h3>
      {shown?.error !== undefined && <p className={css.error}>{shown.error}</p>}
      <ul>
        {shown?.rows.slice(0, PREVIEWED).map(({ labels, value }) => (
          <li key={JSON.stringify(labels)}>
            <LabelChips labels={labels} />
            <span className={css.value}>{formatValue(Number(value), 'none', 4)}</span>
          </li>
        ))}
      </ul>
      {shown !== undefined && shown.rows.length > PREVIEWED && (
        <p>and {(shown.rows.length - PREVIEWED).toLocaleString('en')} more</p>
      )}
    </section>
  );
}
