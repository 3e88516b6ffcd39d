// A silence while it is written: its conditions, for how long, who and why; below, the alerts that it matches now.
import { useEffect, useId, useMemo, useState, type ReactElement, type ReactNode } from 'react';
import { useResource } from '../../api/resource';
import { Button, IconButton } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { LabelChips } from '../../components/Labels';
import { Notice } from '../../components/Notice';
import type { NotifiedAlert } from '../../model/alerting';
import {
  checkDraft,
  matchesLabels,
  parsedMatchers,
  silenceBody,
  type DraftErrors,
  type SilenceDraft,
} from '../../model/silences';
import { NO_ALERTS, saveSilence, storedAuthor } from './silencing';
import css from './Silences.module.css';

const PREVIEWED = 20;
const DURATIONS = ['30m', '2h', '8h', '1d', '7d'];

export interface SilenceDialogProps {
  readonly draft: SilenceDraft;
  readonly onClose: () => void;
  readonly onSaved: () => void;
}

export function SilenceDialog({ draft: given, onClose, onSaved }: SilenceDialogProps): ReactElement {
  const [draft, setDraft] = useState({ ...given, createdBy: given.createdBy || storedAuthor() });
  const [tried, setTried] = useState(false); // errors are shown once somebody wanted to save
  const [refused, setRefused] = useState<string>();
  const [saving, setSaving] = useState(false);
  const errors = checkDraft(draft);
  const change = (next: Partial<SilenceDraft>): void => setDraft({ ...draft, ...next });
  const save = async (): Promise<void> => {
    setTried(true);
    if (errors !== undefined) return;
    setSaving(true);
    setRefused(undefined);
    try {
      await saveSilence(silenceBody(draft, Date.now()));
      onSaved();
      onClose();
    } catch (error) {
      setRefused(error instanceof Error ? error.message : String(error));
      setSaving(false);
    }
  };
  return (
    <Dialog title={draft.id === '' ? 'New silence' : 'Change the silence'} onClose={onClose}>
      <form
        className={css.form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Matchers draft={draft} errors={tried ? errors : undefined} onChange={(matchers) => change({ matchers })} />
        <Field label="For" error={tried ? errors?.duration : undefined}>
          {(props) => (
            <span className={css.durations}>
              <input
                {...props}
                className={css.short}
                value={draft.duration}
                onChange={(event) => change({ duration: event.target.value })}
              />
              {DURATIONS.map((duration) => (
                <Button key={duration} aria-label={`For ${duration}`} onClick={() => change({ duration })}>
                  {duration}
                </Button>
              ))}
            </span>
          )}
        </Field>
        <Field label="Who" error={tried ? errors?.createdBy : undefined}>
          {(props) => (
            <input
              {...props}
              autoComplete="name"
              value={draft.createdBy}
              onChange={(event) => change({ createdBy: event.target.value })}
            />
          )}
        </Field>
        <Field label="Why" error={tried ? errors?.comment : undefined}>
          {(props) => (
            <textarea
              {...props}
              rows={2}
              value={draft.comment}
              onChange={(event) => change({ comment: event.target.value })}
            />
          )}
        </Field>
        <Preview draft={draft} />
        {refused !== undefined && (
          <Notice tone="bad" title="The server refused it">
            {refused}
          </Notice>
        )}
        <footer className={css.foot}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" disabled={saving}>
            {draft.id === '' ? 'Silence' : 'Save'}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

interface FieldInput {
  readonly id: string;
  readonly 'aria-invalid': boolean;
  readonly 'aria-describedby': string | undefined;
}

interface FieldProps {
  readonly label: string;
  readonly error: string | undefined;
  readonly children: (input: FieldInput) => ReactNode;
}

function Field({ label, error, children }: FieldProps): ReactElement {
  const id = useId();
  const errorId = `${id}-error`;
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        'aria-invalid': error !== undefined,
        'aria-describedby': error === undefined ? undefined : errorId,
      })}
      {error !== undefined && (
        <p id={errorId} className={css.error} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

interface MatchersProps {
  readonly draft: SilenceDraft;
  readonly errors: DraftErrors | undefined;
  readonly onChange: (matchers: readonly string[]) => void;
}

function Matchers({ draft, errors, onChange }: MatchersProps): ReactElement {
  const { matchers } = draft;
  return (
    <fieldset className={css.matchers}>
      <legend>Silences alerts that meet all of</legend>
      {matchers.map((text, i) => (
        // Rows have no identity but their place.
        // oxlint-disable-next-line no-array-index-key
        <div key={i}>
          <div className={css.matcher}>
            <input
              aria-label={`Condition ${i + 1}`}
              aria-invalid={errors?.matchers[i] !== undefined}
              className={css.code}
              placeholder={'service="api"'}
              spellCheck={false}
              value={text}
              onChange={(event) => onChange(matchers.map((each, at) => (at === i ? event.target.value : each)))}
            />
            <IconButton
              icon="close"
              label={`Remove condition ${i + 1}`}
              disabled={matchers.length === 1}
              onClick={() => onChange(matchers.filter((_, at) => at !== i))}
            />
          </div>
          {errors?.matchers[i] !== undefined && (
            <p className={css.error} role="alert">
              {errors.matchers[i]}
            </p>
          )}
        </div>
      ))}
      {errors?.all !== undefined && (
        <p className={css.error} role="alert">
          {errors.all}
        </p>
      )}
      <Button icon="add" onClick={() => onChange([...matchers, ''])}>
        Add a condition
      </Button>
    </fieldset>
  );
}

// What it would silence of what the server has to notify now.
function Preview({ draft }: { readonly draft: SilenceDraft }): ReactElement {
  const alerts = useResource<readonly NotifiedAlert[]>('api/v2/alerts', { plain: true, absent: NO_ALERTS });
  const matched = useMemo(() => {
    const matchers = parsedMatchers(draft);
    if (alerts.state !== 'ready' || matchers.length === 0) return [];
    return alerts.data.filter((alert) => matchesLabels(matchers, alert.labels));
  }, [alerts, draft]);
  const [announced, setAnnounced] = useState('');
  const said =
    matched.length === 1 ? 'Matches 1 alert now' : `Matches ${matched.length.toLocaleString('en')} alerts now`;
  useEffect(() => {
    const timer = setTimeout(() => setAnnounced(said), 500); // not at every key
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <section className={css.preview} aria-label="Alerts that it matches">
      <h3>{said}</h3>
      <p className="visually-hidden" role="status">
        {announced}
      </p>
      <ul>
        {matched.slice(0, PREVIEWED).map((alert) => (
          <li key={alert.fingerprint}>
            <LabelChips labels={alert.labels} />
          </li>
        ))}
      </ul>
      {matched.length > PREVIEWED && <p>and {(matched.length - PREVIEWED).toLocaleString('en')} more</p>}
    </section>
  );
}
