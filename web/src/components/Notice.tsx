// A message in the page's flow: what failed, what to know. Failures are announced at once.
import type { ReactElement, ReactNode } from 'react';
import { Icon } from './icons';
import css from './Notice.module.css';

export interface NoticeProps {
  readonly tone: 'bad' | 'warn' | 'info';
  readonly title?: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}

export function Notice({ tone, title, children, action }: NoticeProps): ReactElement {
  return (
    <div className={[css.notice, css[tone]].join(' ')} role={tone === 'bad' ? 'alert' : 'status'}>
      <Icon name={tone === 'info' ? 'info' : 'warning'} />
      <div className={css.text}>
        {title !== undefined && <strong>{title}</strong>}
        {children}
      </div>
      {action}
    </div>
  );
}

// Where content would stand and there is none.
export function Hint({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactElement {
  return (
    <div className={css.hint}>
      <p className={css.hintTitle}>{title}</p>
      {children}
    </div>
  );
}

export function Skeleton({ height, label }: { readonly height: string; readonly label: string }): ReactElement {
  return (
    <div className={css.skeleton} style={{ height }} role="status">
      <span className="visually-hidden">{label}</span>
    </div>
  );
}
