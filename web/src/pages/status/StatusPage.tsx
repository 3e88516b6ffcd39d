// Status: what this server is, how it was told to run, what it holds.
import type { ReactElement } from 'react';
import { useLocation } from '../../components/navigation';
import { Hint } from '../../components/Notice';
import { Page } from '../../components/Page';
import { Tabs } from '../../components/Tabs';
import { ConfigTab } from './ConfigTab';
import { FlagsTab } from './FlagsTab';
import { OverviewTab } from './OverviewTab';
import { TsdbTab } from './TsdbTab';

const TABS = [
  { path: '/status', name: 'Overview', Content: OverviewTab },
  { path: '/status/tsdb', name: 'Storage', Content: TsdbTab },
  { path: '/status/config', name: 'Configuration', Content: ConfigTab },
  { path: '/status/flags', name: 'Flags', Content: FlagsTab },
] as const;

export default function StatusPage(): ReactElement {
  const { path } = useLocation();
  const current = TABS.find((tab) => tab.path === path);
  return (
    <Page title="Status">
      <Tabs label="Status" tabs={TABS} current={current} />
      {current === undefined ? <Hint title={`There is no page ${path}`} /> : <current.Content />}
    </Page>
  );
}
