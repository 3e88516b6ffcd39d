// Alerting: what fires, the rules that say so, what is silenced, who is told, and what was sent.
import type { ReactElement } from 'react';
import { useLocation } from '../../components/navigation';
import { Hint } from '../../components/Notice';
import { Page } from '../../components/Page';
import { Tabs } from '../../components/Tabs';
import { AlertsTab } from './AlertsTab';
import { NotificationsTab } from './NotificationsTab';
import { RoutingTab } from './RoutingTab';
import { RulesTab } from './RulesTab';
import { SilencesTab } from './SilencesTab';

const TABS = [
  { path: '/alerting', name: 'Alerts', Content: AlertsTab },
  { path: '/alerting/rules', name: 'Rules', Content: RulesTab },
  { path: '/alerting/silences', name: 'Silences', Content: SilencesTab },
  { path: '/alerting/routing', name: 'Routing', Content: RoutingTab },
  { path: '/alerting/notifications', name: 'Notifications', Content: NotificationsTab },
] as const;

export default function AlertingPage(): ReactElement {
  const { path } = useLocation();
  const current = TABS.find((tab) => tab.path === path);
  return (
    <Page title="Alerting">
      <Tabs label="Alerting" tabs={TABS} current={current} />
      {current === undefined ? <Hint title={`There is no page ${path}`} /> : <current.Content />}
    </Page>
  );
}
