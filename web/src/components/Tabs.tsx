// Parts of a page, each with a path of its own.
import type { ReactElement } from 'react';
import { Link } from './navigation';
import css from './Tabs.module.css';

export interface Tab {
  readonly path: string;
  readonly name: string;
}

export interface TabsProps {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly current: Tab | undefined;
}

export function Tabs({ label, tabs, current }: TabsProps): ReactElement {
  return (
    <nav className={css.tabs} aria-label={label}>
      {tabs.map((tab) => (
        <Link key={tab.path} to={tab.path} current={tab === current} className={css.tab}>
          {tab.name}
        </Link>
      ))}
    </nav>
  );
}
