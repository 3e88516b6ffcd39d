// The shell: navigation, the page of the path, global shortcuts. A page that breaks leaves the shell alive.
import { Suspense, useEffect, useRef, useState, type ReactElement } from 'react';
import { Hint, Skeleton } from '../components/Notice';
import { Page } from '../components/Page';
import { Link, navigate, useLocation } from '../components/navigation';
import { ErrorBoundary } from './ErrorBoundary';
import { Navigation } from './Navigation';
import { ShortcutsDialog } from './ShortcutsDialog';
import { ALIASES, findRoute, ROUTES } from './routes';
import css from './App.module.css';

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable="true"]') !== null;
}

// `g` and a page's key go to a page, `/` to its first field, `?` explains.
function useShortcuts(onHelp: () => void): void {
  const goAt = useRef(-Infinity);
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector('dialog[open]') !== null) return;
      const going = event.timeStamp - goAt.current < 1500;
      goAt.current = event.key === 'g' ? event.timeStamp : -Infinity;
      const route = going ? ROUTES.find((each) => each.key === event.key) : undefined;
      if (route !== undefined) {
        event.preventDefault();
        navigate(route.path);
      } else if (event.key === '/') {
        event.preventDefault();
        document.querySelector<HTMLElement>('main [data-first-field], main [contenteditable="true"]')?.focus();
      } else if (event.key === '?') {
        event.preventDefault();
        onHelp();
      }
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, [onHelp]);
}

function NotFound({ path }: { readonly path: string }): ReactElement {
  return (
    <Page title="Not found">
      <Hint title={`There is no page ${path}`}>
        <Link to="/explore">Go to Explore</Link>
      </Hint>
    </Page>
  );
}

export function App(): ReactElement {
  const { path, search } = useLocation();
  const [help, setHelp] = useState(false);
  const main = useRef<HTMLElement>(null);
  useShortcuts(() => setHelp(true));

  const alias = ALIASES[path];
  useEffect(() => {
    if (alias !== undefined) navigate(`${alias}${search}`, { replace: true });
  }, [alias, search]);

  const route = findRoute(alias ?? path);
  const lastRoute = useRef(route);
  useEffect(() => {
    // Screen readers hear the new page; the first one needs no move.
    if (lastRoute.current !== route) main.current?.focus();
    lastRoute.current = route;
  }, [route]);

  const Content = route?.page;
  return (
    <div className={css.shell}>
      <a
        className={css.skip}
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to content
      </a>
      <Navigation current={route} onHelp={() => setHelp(true)} />
      <main ref={main} id="main" tabIndex={-1} className={css.main}>
        <ErrorBoundary key={route?.path ?? path}>
          <Suspense
            fallback={
              <div className={css.pending}>
                <Skeleton height="8rem" label="Loading the page" />
              </div>
            }
          >
            {Content === undefined ? <NotFound path={path} /> : <Content />}
          </Suspense>
        </ErrorBoundary>
      </main>
      {help && <ShortcutsDialog onClose={() => setHelp(false)} />}
    </div>
  );
}
