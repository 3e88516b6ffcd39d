// Silences: those that act, those to come, those that ended; to write, change and end them.
import { useMemo, useState, type ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { Badge, type Tone } from '../../components/Badge';
import { Button, Segmented } from '../../components/Button';
import { Loaded } from '../../components/Loaded';
import { Hint, Notice } from '../../components/Notice';
import { SearchField } from '../../components/SearchField';
import { wordsOf, type NotifiedAlert, type Silence } from '../../model/alerting';
import { draftOfSilence, emptyDraft, formatMatcher, type SilenceDraft } from '../../model/silences';
import { describeAge } from '../../model/time';
import { SilenceDialog } from './SilenceDialog';
import { expireSilence, NO_ALERTS, NO_SILENCES } from './silencing';
import { useUrlFilter } from './useUrlFilter';
import css from './Alerting.module.css';
import own from './Silences.module.css';

const REFRESH_MS = 10_000;
const SHOWN = 100;

type State = Silence['status']['state'];

const STATES = [
  { value: 'active', label: 'Active' },
  { value: 'pending', label: 'To come' },
  { value: 'expired', label: 'Ended' },
] as const;
const TONES: Readonly<Record<State, Tone>> = { active: 'good', pending: 'warn', expired: 'neutral' };
const NOTHING: Readonly<Record<State, string>> = {
  active: 'Nothing is silenced',
  pending: 'No silence is to come',
  expired: 'No silence has ended lately',
};

export function SilencesTab(): ReactElement {
  const [filter, change] = useUrlFilter<State>(STATES, 'active');
  const [draft, setDraft] = useState<SilenceDraft>();
  const [failure, setFailure] = useState<string>();
  const silences = useResource<readonly Silence[]>('api/v2/silences', {
    refreshMs: REFRESH_MS,
    absent: NO_SILENCES,
    plain: true,
  });
  const alerts = useResource<readonly NotifiedAlert[]>('api/v2/alerts', {
    refreshMs: REFRESH_MS,
    absent: NO_ALERTS,
    plain: true,
  });
  const reload = (): void => {
    if (silences.state !== 'loading') silences.reload();
    if (alerts.state !== 'loading') alerts.reload();
  };
  const expire = async (silence: Silence): Promise<void> => {
    setFailure(undefined);
    try {
      await expireSilence(silence.id);
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
    reload();
  };
  if (silences.state === 'ready' && silences.data === NO_SILENCES) {
    return (
      <Hint title="This server does not notify">
        <p>Its API has no silences; alerts are evaluated and shown all the same.</p>
      </Hint>
    );
  }
  return (
    <>
      <div className={css.filters}>
        <SearchField
          label="Filter silences"
          placeholder="Filter by condition or comment"
          value={filter.text}
          onChange={(text) => change({ text })}
        />
        <Segmented label="State" value={filter.state} options={STATES} onChange={(state) => change({ state })} />
        <span className={css.spacer} />
        <Button variant="primary" icon="bellOff" onClick={() => setDraft(emptyDraft(''))}>
          New silence
        </Button>
      </div>
      {failure !== undefined && (
        <Notice tone="bad" title="Could not end the silence">
          {failure}
        </Notice>
      )}
      <Loaded resource={silences} what="the silences">
        {(data) => (
          <Silences
            silences={data}
            alerts={alerts.state === 'ready' ? alerts.data : NO_ALERTS}
            text={filter.text}
            state={filter.state}
            nowMs={silences.state === 'ready' ? silences.loadedAtMs : 0}
            onEdit={(silence) => setDraft(draftOfSilence(silence, Date.now()))}
            onExpire={(silence) => void expire(silence)}
          />
        )}
      </Loaded>
      {draft !== undefined && <SilenceDialog draft={draft} onClose={() => setDraft(undefined)} onSaved={reload} />}
    </>
  );
}

interface SilencesProps {
  readonly silences: readonly Silence[];
  readonly alerts: readonly NotifiedAlert[];
  readonly text: string;
  readonly state: State;
  readonly nowMs: number;
  readonly onEdit: (silence: Silence) => void;
  readonly onExpire: (silence: Silence) => void;
}

function Silences({ silences, alerts, text, state, nowMs, onEdit, onExpire }: SilencesProps): ReactElement {
  const [limit, setLimit] = useState(SHOWN);
  const shown = useMemo(() => {
    const words = wordsOf(text);
    return silences
      .filter((silence) => {
        if (silence.status.state !== state) return false;
        const all = [silence.comment, silence.createdBy, ...silence.matchers.map(formatMatcher)];
        return words.every((word) => all.join('\n').toLowerCase().includes(word));
      })
      .toSorted((a, b) => (state === 'expired' ? (a.endsAt < b.endsAt ? 1 : -1) : a.endsAt < b.endsAt ? -1 : 1));
  }, [silences, text, state]);
  if (shown.length === 0) {
    const has = silences.some((silence) => silence.status.state === state);
    return <Hint title={has ? 'No silence passes the filter' : NOTHING[state]} />;
  }
  return (
    <ul className={own.list} aria-label="Silences">
      {shown.slice(0, limit).map((silence) => (
        <SilenceItem
          key={silence.id}
          silence={silence}
          count={alerts.filter((alert) => alert.status.silencedBy.includes(silence.id)).length}
          nowMs={nowMs}
          onEdit={() => onEdit(silence)}
          onExpire={() => onExpire(silence)}
        />
      ))}
      {shown.length > limit && (
        <li>
          <Button onClick={() => setLimit(Infinity)}>Show all {shown.length.toLocaleString('en')} silences</Button>
        </li>
      )}
    </ul>
  );
}

interface SilenceItemProps {
  readonly silence: Silence;
  readonly count: number; // of the alerts that it silences now
  readonly nowMs: number;
  readonly onEdit: () => void;
  readonly onExpire: () => void;
}

function SilenceItem({ silence, count, nowMs, onEdit, onExpire }: SilenceItemProps): ReactElement {
  const { state } = silence.status;
  const expired = state === 'expired';
  const name = silence.comment;
  return (
    <li className={own.silence}>
      <div className={own.silenceHead}>
        <Badge tone={TONES[state]}>{STATES.find(({ value }) => value === state)?.label}</Badge>
        <h3>{name}</h3>
        <span className={css.spacer} />
        <div className={own.actions}>
          <Button
            icon={expired ? 'duplicate' : 'edit'}
            aria-label={`${expired ? 'Write again' : 'Change'}: ${name}`}
            onClick={onEdit}
          >
            {expired ? 'Write again' : 'Change'}
          </Button>
          {!expired && (
            <Button variant="danger" icon="close" aria-label={`End: ${name}`} onClick={onExpire}>
              End
            </Button>
          )}
        </div>
      </div>
      <ul className={own.conditions} aria-label={`Conditions of: ${name}`}>
        {silence.matchers.map((matcher) => (
          <li key={formatMatcher(matcher)}>
            <code>{formatMatcher(matcher)}</code>
          </li>
        ))}
      </ul>
      <p className={css.facts}>
        <span>by {silence.createdBy}</span>
        {state === 'pending' && (
          <span title={silence.startsAt}>starts {describeAge(Date.parse(silence.startsAt), nowMs)}</span>
        )}
        <span title={silence.endsAt}>
          {expired ? 'ended' : 'ends'} {describeAge(Date.parse(silence.endsAt), nowMs)}
        </span>
        {state === 'active' && (
          <span>
            silences {count.toLocaleString('en')} {count === 1 ? 'alert' : 'alerts'}
          </span>
        )}
      </p>
    </li>
  );
}
