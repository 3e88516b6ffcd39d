// What people do on an incident: comments, the runbook, checks before it is resolved, action items after it.
import { useState, type ReactElement } from 'react';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Panel } from '../../components/Page';
import { describeActionRule, type ActionRule, type Incident } from '../../model/incidents';
import type { Act } from './IncidentDetail';
import { Field } from './parts';
import css from './Incidents.module.css';

interface WorkProps {
  readonly incident: Incident;
  readonly act: Act;
}

// A line to write and a button; it is empty again once the server took it.
function AddLine({
  label,
  button,
  onAdd,
}: {
  readonly label: string;
  readonly button: string;
  readonly onAdd: (text: string) => Promise<boolean>;
}): ReactElement {
  const [text, setText] = useState('');
  return (
    <form
      className={css.line}
      onSubmit={(event) => {
        event.preventDefault();
        void onAdd(text.trim()).then((done) => done && setText(''));
      }}
    >
      <input
        aria-label={label}
        placeholder={label}
        required
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <Button type="submit">{button}</Button>
    </form>
  );
}

export function Comment({ act }: { readonly act: Act }): ReactElement {
  return (
    <Panel title="Say something">
      <AddLine label="Comment" button="Comment" onAdd={(text) => act('comment', { text })} />
    </Panel>
  );
}

export function Runbook({ incident, act }: WorkProps): ReactElement {
  return (
    <Panel title="Runbook">
      {incident.runbook.length > 0 && (
        <ul className={css.steps} aria-label="Steps">
          {incident.runbook.map((step, i) => (
            <li key={`${i} ${step.text}`}>
              <label>
                <input
                  type="checkbox"
                  checked={step.doneAt !== undefined}
                  onChange={(event) => void act('runbook', { step: i, done: event.target.checked })}
                />
                <span>{step.text}</span>
              </label>
              {step.doneAt !== undefined && <span className={css.soft}>{step.doneBy}</span>}
            </li>
          ))}
        </ul>
      )}
      <AddLine label="Another step" button="Add step" onAdd={(text) => act('runbook', { text })} />
    </Panel>
  );
}

const LINK_KINDS = ['change', 'deployment', 'runbook', 'restore', 'other'] as const;

export function Links({ incident, act }: WorkProps): ReactElement {
  const [kind, setKind] = useState<string>('change');
  const [title, setTitle] = useState('');
  const [url, setUrl] = useState('');
  const add = async (): Promise<void> => {
    if (await act('link', { kind, title, url })) {
      setTitle('');
      setUrl('');
    }
  };
  return (
    <Panel title="Changes and links">
      {incident.links.length > 0 && (
        <ul className={css.steps} aria-label="Links">
          {incident.links.map((link, i) => (
            <li key={`${i} ${link.title}`}>
              <Badge tone="neutral">{link.kind}</Badge>
              {link.url === '' ? (
                <span>{link.title}</span>
              ) : (
                <a href={link.url} rel="noreferrer">
                  {link.title}
                </a>
              )}
            </li>
          ))}
        </ul>
      )}
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <div className={css.pair}>
          <Field label="Kind">
            {(id) => (
              <select id={id} value={kind} onChange={(event) => setKind(event.target.value)}>
                {LINK_KINDS.map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Title">
            {(id) => <input id={id} required value={title} onChange={(event) => setTitle(event.target.value)} />}
          </Field>
        </div>
        <Field label="Address">
          {(id) => <input id={id} type="url" value={url} onChange={(event) => setUrl(event.target.value)} />}
        </Field>
        <Button type="submit" className={css.start}>
          Add link
        </Button>
      </form>
    </Panel>
  );
}

export function Checks({ incident, act }: WorkProps): ReactElement {
  return (
    <Panel
      title="Checks before it is resolved"
      action={incident.checks.length > 0 ? <Button onClick={() => void act('check')}>Run them</Button> : undefined}
    >
      {incident.checks.length > 0 && (
        <ul className={css.steps} aria-label="Checks">
          {incident.checks.map((check, i) => (
            <li key={`${i} ${check.query}`}>
              <Badge tone={check.isGreen ? 'good' : 'warn'}>{check.isGreen ? 'Green' : 'Not green'}</Badge>
              <code>{check.query}</code>
              <span className={css.soft}>{check.answer}</span>
            </li>
          ))}
        </ul>
      )}
      <AddLine label="Expression that must hold" button="Add check" onAdd={(query) => act('check', { query })} />
    </Panel>
  );
}

function RuleVerdict({ rule }: { readonly rule: ActionRule }): ReactElement {
  const { text, isBad } = describeActionRule(rule);
  return <Badge tone={isBad ? 'bad' : 'neutral'}>{text}</Badge>;
}

export function ActionItems({
  incident,
  act,
  rules,
}: WorkProps & { readonly rules: readonly ActionRule[] }): ReactElement {
  const [text, setText] = useState('');
  const [owner, setOwner] = useState('');
  const [due, setDue] = useState('');
  const [rule, setRule] = useState('');
  const add = async (): Promise<void> => {
    if (await act('action', { text, owner, due, rule })) {
      setText('');
      setOwner('');
      setDue('');
      setRule('');
    }
  };
  return (
    <Panel title="Action items">
      {incident.actions.length > 0 && (
        <ul className={css.steps} aria-label="Action items">
          {incident.actions.map((item) => (
            <li key={item.id}>
              <label>
                <input
                  type="checkbox"
                  checked={item.doneAt !== undefined}
                  onChange={(event) => void act('action', { id: item.id, done: event.target.checked })}
                />
                <span>{item.text}</span>
              </label>
              <span className={css.soft}>
                {item.owner === '' ? 'no owner' : item.owner}
                {item.due === '' ? ', no date' : `, until ${item.due}`}
                {item.rule !== '' && `, verified by ${item.rule}`}
              </span>
              {rules
                .filter(({ action }) => action === item.id)
                .map((verdict) => (
                  <RuleVerdict key={verdict.rule} rule={verdict} />
                ))}
            </li>
          ))}
        </ul>
      )}
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <Field label="What is to be done">
          {(id) => <input id={id} required value={text} onChange={(event) => setText(event.target.value)} />}
        </Field>
        <div className={css.pair}>
          <Field label="Owner">
            {(id) => <input id={id} value={owner} onChange={(event) => setOwner(event.target.value)} />}
          </Field>
          <Field label="Due">
            {(id) => <input id={id} type="date" value={due} onChange={(event) => setDue(event.target.value)} />}
          </Field>
        </div>
        <Field label="Rule that will verify it">
          {(id) => <input id={id} value={rule} onChange={(event) => setRule(event.target.value)} />}
        </Field>
        <Button type="submit" className={css.start}>
          Add action item
        </Button>
      </form>
    </Panel>
  );
}
