// Notifications: what was sent and answered, tests of receivers, and of each alert why.
import { useState, type ReactElement } from 'react';
import { postJson } from '../../api/client';
import { useResource } from '../../api/resource';
import { Badge, type Tone } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Loaded } from '../../components/Loaded';
import { Hint, Notice } from '../../components/Notice';
import { navigate, useLocation } from '../../components/navigation';
import { Panel } from '../../components/Page';
import type { NotificationPage, ReceiverList, SentNotification, TestAnswer } from '../../model/notifications';
import { formatDateTime } from '../../model/time';
import { WhyDialog } from './WhyDialog';
import css from './Alerting.module.css';
import own from './Routing.module.css';

const REFRESH_MS = 10_000;
const PAGE_SIZE = 50;
const ALERTS_SHOWN = 5;
const OUTCOMES = ['delivered', 'failed', 'refused', 'abandoned', 'nothing to send'] as const;
const TONES: Readonly<Record<string, Tone>> = { delivered: 'good', failed: 'bad', refused: 'bad', abandoned: 'warn' };

export function NotificationsTab(): ReactElement {
  const { path, search } = useLocation();
  const asked = new URLSearchParams(search);
  const change = (name: string, value: string): void => {
    const next = new URLSearchParams(search);
    if (name !== 'alert') next.delete('before');
    if (value === '') next.delete(name);
    else next.set(name, value);
    const text = next.toString();
    navigate(`${path}${text === '' ? '' : `?${text}`}`, { replace: name === 'alert' });
  };
  const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
  for (const name of ['receiver', 'outcome', 'before']) {
    const value = asked.get(name);
    if (value !== null) query.set(name, value);
  }
  const isFirst = !asked.has('before');
  const page = useResource<NotificationPage>(`api/kw/v1/notifications?${query.toString()}`, {
    refreshMs: isFirst ? REFRESH_MS : 0,
  });
  const receivers = useResource<ReceiverList>('api/kw/v1/notifications/receivers');
  const names = receivers.state === 'ready' ? receivers.data.receivers.map(({ name }) => name) : [];
  const fingerprint = asked.get('alert');
  return (
    <>
      <Panel title="Receivers">
        <Loaded resource={receivers} what="the receivers">
          {(data) => <Receivers list={data} />}
        </Loaded>
      </Panel>
      <Panel title="What was sent">
        <div className={css.filters}>
          <Choice
            label="Receiver"
            value={asked.get('receiver') ?? ''}
            options={names}
            onChange={(value) => change('receiver', value)}
          />
          <Choice
            label="Outcome"
            value={asked.get('outcome') ?? ''}
            options={OUTCOMES}
            onChange={(value) => change('outcome', value)}
          />
          <span className={css.spacer} />
          {!isFirst && <Button onClick={() => change('before', '')}>Newest</Button>}
          {page.state === 'ready' && page.data.next !== null && (
            <Button onClick={() => change('before', String(page.data.next))}>Older</Button>
          )}
        </div>
        <Loaded resource={page} what="the notifications">
          {({ notifications }) =>
            notifications.length === 0 ? (
              <Hint title="Nothing was sent" />
            ) : (
              <ul className={own.rows} aria-label="Notifications">
                {notifications.map((line) => (
                  <Row key={line.id} line={line} onWhy={(alert) => change('alert', alert)} />
                ))}
              </ul>
            )
          }
        </Loaded>
      </Panel>
      {fingerprint !== null && (
        <WhyDialog key={fingerprint} fingerprint={fingerprint} onClose={() => change('alert', '')} />
      )}
    </>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly onChange: (value: string) => void;
}

function Choice({ label, value, options, onChange }: ChoiceProps): ReactElement {
  return (
    <select aria-label={label} className={own.select} value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">{label}: all</option>
      {options.map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  );
}

function Row({
  line,
  onWhy,
}: {
  readonly line: SentNotification;
  readonly onWhy: (fingerprint: string) => void;
}): ReactElement {
  const more = line.fingerprints.length - ALERTS_SHOWN;
  return (
    <li className={own.row}>
      <time dateTime={line.at}>{formatDateTime(Date.parse(line.at), 'local')}</time>
      <Badge tone={TONES[line.outcome] ?? 'neutral'}>{line.outcome}</Badge>
      <div className={own.rowText}>
        <p>
          <strong>{line.receiver}</strong> {line.integration}: {line.firing} firing, {line.resolved} resolved
          {line.tries > 1 && `, ${line.tries} tries`}
          {line.isRepeat && ', sent again after a restart'}
        </p>
        <p className={own.soft}>
          <code>{line.groupKey}</code>
        </p>
        {line.answer !== '' && <p className={own.soft}>{line.answer}</p>}
      </div>
      <div className={own.asks}>
        {line.fingerprints.slice(0, ALERTS_SHOWN).map((fingerprint) => (
          <Button
            key={fingerprint}
            aria-label={`Why ${fingerprint.slice(0, 6)}: alert ${fingerprint}`}
            onClick={() => onWhy(fingerprint)}
          >
            Why {fingerprint.slice(0, 6)}
          </Button>
        ))}
        {more > 0 && <span className={own.soft}>and {more.toLocaleString('en')} more</span>}
      </div>
    </li>
  );
}

function Receivers({ list }: { readonly list: ReceiverList }): ReactElement {
  const [answer, setAnswer] = useState<TestAnswer>();
  const [failure, setFailure] = useState<string>();
  const [testing, setTesting] = useState<string>();
  const test = async (receiver: string): Promise<void> => {
    setTesting(receiver);
    setAnswer(undefined);
    setFailure(undefined);
    try {
      setAnswer(await postJson<TestAnswer>('api/kw/v1/notifications/test', { receiver }));
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
    setTesting(undefined);
  };
  const failed = answer?.integrations.filter(({ delivered }) => !delivered) ?? [];
  return (
    <>
      <ul className={own.receivers} aria-label="Receivers">
        {list.receivers.map(({ name, integrations, isFallback, isHeartbeat }) => (
          <li key={name} className={own.node}>
            <div className={own.nodeHead}>
              <strong>{name}</strong>
              {isFallback && <Badge tone="neutral">fall-back</Badge>}
              {isHeartbeat && <Badge tone="neutral">heartbeat</Badge>}
            </div>
            <p className={own.soft}>
              {integrations.length === 0 ? 'no integration acts' : integrations.map((one) => one.name).join(', ')}
            </p>
            {integrations.length > 0 && (
              <div>
                <Button aria-label={`Test ${name}`} disabled={testing !== undefined} onClick={() => void test(name)}>
                  {testing === name ? 'Testing…' : 'Test'}
                </Button>
              </div>
            )}
          </li>
        ))}
      </ul>
      {failure !== undefined && (
        <Notice tone="bad" title="Not tested">
          {failure}
        </Notice>
      )}
      {answer !== undefined && (
        <Notice
          tone={failed.length > 0 ? 'bad' : 'info'}
          title={failed.length > 0 ? `A test of ${answer.receiver} failed` : `The test of ${answer.receiver} arrived`}
        >
          <ul>
            {answer.integrations.map((one) => (
              <li key={one.integration}>
                {one.integration}: {one.answer === '' ? (one.delivered ? 'delivered' : 'failed') : one.answer}
              </li>
            ))}
          </ul>
        </Notice>
      )}
    </>
  );
}
