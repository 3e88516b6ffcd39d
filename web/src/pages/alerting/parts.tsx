// What alerts and rules share: states, a link to Explore, annotations.
import type { ReactElement } from 'react';
import { Badge, type Tone } from '../../components/Badge';
import { Link } from '../../components/navigation';
import type { AlertState } from '../../model/alerting';
import { sortedPairs, type Labels } from '../../model/labels';
import { EMPTY_QUERY, emptyView, formatView } from '../../model/link';
import css from './Alerting.module.css';

const STATE_NAMES: Readonly<Record<AlertState, string>> = {
  firing: 'Firing',
  pending: 'Pending',
  inactive: 'Inactive',
  unknown: 'Not evaluated yet',
};
const STATE_TONES: Readonly<Record<AlertState, Tone>> = {
  firing: 'bad',
  pending: 'warn',
  inactive: 'good',
  unknown: 'neutral',
};

export function StateBadge({ state }: { readonly state: AlertState }): ReactElement {
  return <Badge tone={STATE_TONES[state]}>{STATE_NAMES[state]}</Badge>;
}

export function ExploreLink({ expr, title }: { readonly expr: string; readonly title: string }): ReactElement {
  const view = { ...emptyView('local'), queries: [{ ...EMPTY_QUERY, expr, title }] };
  return (
    <Link to={`/explore?${formatView(view).toString()}`} title={`Explore the expression of ${title}`}>
      Explore
    </Link>
  );
}

const URL_TEXT = /^https?:\/\/\S+$/;

// The summary stands alone, the others with their names. A text that is a URL is a link (runbook_url, dashboard).
export function Annotations({ annotations }: { readonly annotations: Labels }): ReactElement | null {
  const pairs = sortedPairs(annotations).toSorted(([a], [b]) => (a === 'summary' ? -1 : b === 'summary' ? 1 : 0));
  if (pairs.length === 0) return null;
  return (
    <dl className={css.annotations}>
      {pairs.map(([name, text]) => (
        <div key={name}>
          <dt className={name === 'summary' ? 'visually-hidden' : undefined}>{name}</dt>
          <dd className={name === 'summary' ? css.summary : undefined}>
            {URL_TEXT.test(text) ? (
              <a href={text} rel="noreferrer">
                {text}
              </a>
            ) : (
              text
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}
