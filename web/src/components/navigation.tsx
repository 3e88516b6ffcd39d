// Where the reader is: path and query of the URL below <base>, as an external store. Links are ordinary
// anchors, so that they open in new tabs and screen readers know them; a plain click stays in the page.
import { useSyncExternalStore, type MouseEvent, type ReactElement, type ReactNode } from 'react';

export interface Location {
  readonly path: string; // '/explore', without the prefix
  readonly search: string; // '?q1=up' or ''
  readonly state: unknown; // kept by the browser with the history entry
}

const prefix = new URL(document.baseURI).pathname.replace(/\/$/, '');
const listeners = new Set<() => void>();

function read(): Location {
  const { pathname, search } = window.location;
  const path = pathname.startsWith(prefix) ? pathname.slice(prefix.length) : pathname;
  return { path: path === '' ? '/' : path, search, state: window.history.state as unknown };
}

let current = read();

function changed(): void {
  current = read();
  for (const listener of listeners) listener();
}

window.addEventListener('popstate', changed);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLocation(): Location {
  return useSyncExternalStore(subscribe, () => current);
}

export function hrefOf(path: string): string {
  return `${prefix}${path}`;
}

export interface NavigateOptions {
  readonly replace?: boolean; // do not add a history entry
  readonly state?: unknown;
}

// `to` is a path below the prefix, with its query: '/explore?q1=up'.
export function navigate(to: string, { replace = false, state = null }: NavigateOptions = {}): void {
  if (replace) window.history.replaceState(state, '', hrefOf(to));
  else window.history.pushState(state, '', hrefOf(to));
  changed();
}

export interface LinkProps {
  readonly to: string;
  readonly className?: string | undefined;
  readonly current?: boolean;
  readonly title?: string;
  readonly children: ReactNode;
}

export function Link({ to, className, current: isCurrent = false, title, children }: LinkProps): ReactElement {
  const follow = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
  };
  return (
    <a
      href={hrefOf(to)}
      onClick={follow}
      className={className}
      title={title}
      aria-current={isCurrent ? 'page' : undefined}
    >
      {children}
    </a>
  );
}
