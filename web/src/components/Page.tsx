// Frame of a page: heading, toolbar, body. Sets the document's title.
import { useEffect, type ReactElement, type ReactNode } from 'react';
import css from './Page.module.css';

// What the server calls itself (--web.page-title).
const PRODUCT = document.title;

export interface PageProps {
  readonly title: string;
  readonly toolbar?: ReactNode;
  readonly children: ReactNode;
}

export function Page({ title, toolbar, children }: PageProps): ReactElement {
  useEffect(() => {
    document.title = `${title} · ${PRODUCT}`;
  }, [title]);
  return (
    <>
      <header className={css.head}>
        <h1>{title}</h1>
        {toolbar !== undefined && <div className={css.toolbar}>{toolbar}</div>}
      </header>
      <div className={css.body}>{children}</div>
    </>
  );
}

export function Panel({
  title,
  action,
  children,
}: {
  readonly title: string;
  readonly action?: ReactNode;
  readonly children: ReactNode;
}): ReactElement {
  return (
    <section className={css.panel} aria-label={title}>
      <header className={css.panelHead}>
        <h2>{title}</h2>
        {action}
      </header>
      {children}
    </section>
  );
}
