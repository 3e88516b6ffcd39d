// The rail: pages, theme, help. At the left on wide screens, at the bottom on narrow ones.
import type { ReactElement } from 'react';
import { IconButton, Segmented } from '../components/Button';
import { Icon } from '../components/icons';
import { Link } from '../components/navigation';
import { changeSettings, useSettings, type Theme } from '../components/settings';
import { ROUTES, type Route } from './routes';
import css from './Navigation.module.css';

const THEMES = [
  { value: 'system', label: 'Theme of the system', icon: 'system' },
  { value: 'light', label: 'Light theme', icon: 'sun' },
  { value: 'dark', label: 'Dark theme', icon: 'moon' },
] as const;

export interface NavigationProps {
  readonly current: Route | undefined;
  readonly onHelp: () => void;
}

export function Navigation({ current, onHelp }: NavigationProps): ReactElement {
  const { theme } = useSettings();
  const next = THEMES[(THEMES.findIndex((each) => each.value === theme) + 1) % THEMES.length] ?? THEMES[0];
  return (
    <nav className={css.rail} aria-label="Main">
      <Link to="/explore" className={css.brand} title="Kilowatch">
        <span className={css.mark}>
          <Icon name="bolt" size={18} />
        </span>
        <span className={css.word}>Kilowatch</span>
      </Link>
      <ul className={css.pages}>
        {ROUTES.map((route) => (
          <li key={route.path}>
            <Link to={route.path} className={css.page} current={route === current}>
              <Icon name={route.icon} size={20} />
              <span>{route.name}</span>
            </Link>
          </li>
        ))}
      </ul>
      <div className={css.foot}>
        <Segmented<Theme>
          label="Theme"
          value={theme}
          options={THEMES}
          onChange={(value) => changeSettings({ theme: value })}
        />
        <IconButton icon="keyboard" label="Keyboard shortcuts" onClick={onHelp} />
      </div>
      <button
        type="button"
        className={css.themeSwitch}
        aria-label={`Switch to: ${next.label}`}
        onClick={() => changeSettings({ theme: next.value })}
      >
        <Icon name={THEMES.find((each) => each.value === theme)?.icon ?? 'system'} size={20} />
        <span>Theme</span>
      </button>
    </nav>
  );
}
