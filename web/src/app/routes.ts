// The pages and their paths. A page is a line here; its code is a chunk of its own.
import { lazy, type ComponentType, type LazyExoticComponent } from 'react';
import type { IconName } from '../components/icons';

export interface Route {
  readonly path: string;
  readonly name: string;
  readonly icon: IconName;
  readonly key: string; // `g` then this key goes there
  readonly page: LazyExoticComponent<ComponentType>;
}

export const ROUTES: readonly Route[] = [
  {
    path: '/explore',
    name: 'Explore',
    icon: 'explore',
    key: 'e',
    page: lazy(() => import('../pages/explore/ExplorePage')),
  },
  {
    path: '/alerting',
    name: 'Alerting',
    icon: 'bell',
    key: 'a',
    page: lazy(() => import('../pages/alerting/AlertingPage')),
  },
  {
    path: '/incidents',
    name: 'Incidents',
    icon: 'incident',
    key: 'i',
    page: lazy(() => import('../pages/incidents/IncidentsPage')),
  },
  {
    path: '/targets',
    name: 'Targets',
    icon: 'targets',
    key: 't',
    page: lazy(() => import('../pages/targets/TargetsPage')),
  },
  { path: '/audit', name: 'Audit', icon: 'list', key: 'u', page: lazy(() => import('../pages/audit/AuditPage')) },
  { path: '/status', name: 'Status', icon: 'status', key: 's', page: lazy(() => import('../pages/status/StatusPage')) },
];

// Paths of Prometheus' pages, which people have in bookmarks and alerts.
export const ALIASES: Readonly<Record<string, string>> = {
  '/': '/explore',
  '/graph': '/explore',
  '/query': '/explore',
  '/alerts': '/alerting',
  '/rules': '/alerting/rules',
  '/silences': '/alerting/silences',
  '/config': '/status/config',
  '/flags': '/status/flags',
  '/tsdb-status': '/status/tsdb',
  '/service-discovery': '/targets',
};

export function findRoute(path: string): Route | undefined {
  return ROUTES.find((route) => path === route.path || path.startsWith(`${route.path}/`));
}
