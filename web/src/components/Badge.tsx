// A state in a word, with its colour; the word alone says it all.
import type { ReactElement, ReactNode } from 'react';
import css from './Badge.module.css';

export type Tone = 'good' | 'bad' | 'warn' | 'neutral';

export interface BadgeProps {
  readonly tone: Tone;
  readonly children: ReactNode;
}

export function Badge({ tone, children }: BadgeProps): ReactElement {
  return <span className={[css.badge, css[tone]].join(' ')}>{children}</span>;
}

// Figures of a page: how many of what.
export interface TotalProps {
  readonly value: number;
  readonly name: string;
  readonly tone?: Tone | undefined;
}

export function Totals({ totals }: { readonly totals: readonly TotalProps[] }): ReactElement {
  return (
    <ul className={css.totals} aria-label="Totals">
      {totals.map(({ value, name, tone = 'neutral' }) => (
        <li key={name} className={css.total}>
          <span className={[css.value, tone === 'neutral' ? undefined : css[`${tone}Value`]].filter(Boolean).join(' ')}>
            {value.toLocaleString('en')}
          </span>
          <span>{name}</span>
        </li>
      ))}
    </ul>
  );
}
