// The reader's own settings, kept in this browser: theme and time zone.
import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';

export interface Settings {
  readonly theme: Theme;
  readonly zone: 'local' | 'utc';
}

const listeners = new Set<() => void>();

function stored(name: string): string | null {
  try {
    return localStorage.getItem(`kilowatch.${name}`);
  } catch {
    return null; // storage is blocked: settings last for the page
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`kilowatch.${name}`, value);
  } catch {
    // As above.
  }
}

function initial(): Settings {
  const theme = stored('theme');
  return {
    theme: theme === 'light' || theme === 'dark' ? theme : 'system',
    zone: stored('zone') === 'utc' ? 'utc' : 'local',
  };
}

let current = initial();

export function useSettings(): Settings {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

export function changeSettings(change: Partial<Settings>): void {
  current = { ...current, ...change };
  keep('theme', current.theme);
  keep('zone', current.zone);
  if (current.theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = current.theme;
  for (const listener of listeners) listener();
}
