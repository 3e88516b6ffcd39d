// The post-mortem: drafted by the server, edited here as Markdown, taken away as a file.
import { useState, type ReactElement } from 'react';
import { apiUrl } from '../../api/client';
import { Button } from '../../components/Button';
import { Panel } from '../../components/Page';
import { incidentName, type Incident } from '../../model/incidents';
import type { Act } from './IncidentDetail';
import css from './Incidents.module.css';

export interface PostmortemProps {
  readonly incident: Incident;
  readonly act: Act;
}

export function Postmortem({ incident, act }: PostmortemProps): ReactElement {
  const [draft, setDraft] = useState<string>(); // while it is edited
  const save = async (): Promise<void> => {
    if (draft !== undefined && (await act('postmortem', { text: draft }))) setDraft(undefined);
  };
  const has = incident.postmortem !== '';
  return (
    <Panel
      title="Post-mortem"
      action={
        <div className={css.filters}>
          {has && <a href={apiUrl(`api/kw/v1/incidents/${incidentName(incident.id)}/postmortem`)}>Markdown</a>}
          {draft === undefined && incident.status !== 'closed' && (
            <>
              <Button onClick={() => void act('postmortem')}>{has ? 'Draft anew' : 'Draft it'}</Button>
              {has && (
                <Button icon="edit" onClick={() => setDraft(incident.postmortem)}>
                  Edit
                </Button>
              )}
            </>
          )}
        </div>
      }
    >
      {draft !== undefined ? (
        <>
          <textarea
            className={css.editor}
            aria-label="Post-mortem as Markdown"
            rows={24}
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
          />
          <footer className={css.foot}>
            <Button onClick={() => setDraft(undefined)}>Cancel</Button>
            <Button variant="primary" onClick={() => void save()}>
              Save
            </Button>
          </footer>
        </>
      ) : has ? (
        <pre className={css.document} tabIndex={0} aria-label="Post-mortem">
          {incident.postmortem}
        </pre>
      ) : (
        <p className={css.soft}>Drafted by itself when a SEV1 or SEV2 is resolved.</p>
      )}
    </Panel>
  );
}
