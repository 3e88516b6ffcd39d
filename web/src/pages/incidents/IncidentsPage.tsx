// Incidents: the list, and one of them at /incidents/INC-7.
import type { ReactElement } from 'react';
import { useLocation } from '../../components/navigation';
import { Hint } from '../../components/Notice';
import { Page } from '../../components/Page';
import { parseIncidentName } from '../../model/incidents';
import { IncidentDetailView } from './IncidentDetail';
import { IncidentListView } from './IncidentList';

export default function IncidentsPage(): ReactElement {
  const { path } = useLocation();
  const name = path.slice('/incidents'.length).replace(/^\/|\/$/g, '');
  if (name === '') return <IncidentListView />;
  const id = parseIncidentName(name);
  if (id === undefined) {
    return (
      <Page title="Incidents">
        <Hint title={`There is no page ${path}`} />
      </Page>
    );
  }
  return <IncidentDetailView key={id} id={id} />;
}
