// Changes what an incident says of itself: title, severity, whose it is, and who suffers.
import { useState, type ReactElement } from 'react';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { SEVERITIES, SEVERITY_NAMES, type Incident, type Severity } from '../../model/incidents';
import type { Act } from './IncidentDetail';
import { Field, keepName, storedName } from './parts';
import css from './Incidents.module.css';

export interface EditDialogProps {
  readonly incident: Incident;
  readonly act: Act;
  readonly onClose: () => void;
}

const listed = (text: string): readonly string[] =>
  text.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));

export function EditDialog({ incident, act, onClose }: EditDialogProps): ReactElement {
  const [title, setTitle] = useState(incident.title);
  const [severity, setSeverity] = useState<Severity>(incident.severity);
  const [assignee, setAssignee] = useState(incident.assignee);
  const [services, setServices] = useState(incident.impact.services.join(', '));
  const [zones, setZones] = useState(incident.impact.zones.join(', '));
  const [users, setUsers] = useState(incident.impact.users?.toString() ?? '');
  const [by, setBy] = useState(storedName());
  // Only what is different goes to the server: the rest stays what alerts make of it.
  const save = async (): Promise<void> => {
    keepName(by);
    const body = {
      ...(title === incident.title ? {} : { title }),
      ...(severity === incident.severity ? {} : { severity }),
      ...(services === incident.impact.services.join(', ') ? {} : { services: listed(services) }),
      ...(zones === incident.impact.zones.join(', ') ? {} : { zones: listed(zones) }),
      ...(users === '' || Number(users) === incident.impact.users ? {} : { users: Number(users) }),
    };
    onClose();
    if (Object.keys(body).length > 0 && !(await act('edit', body))) return;
    if (assignee !== incident.assignee) await act('assign', { to: assignee });
  };
  return (
    <Dialog title="Change the incident" onClose={onClose}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label="What is wrong">
          {(id) => <input id={id} required value={title} onChange={(event) => setTitle(event.target.value)} />}
        </Field>
        <div className={css.pair}>
          <Field label="Severity">
            {(id) => (
              <select id={id} value={severity} onChange={(event) => setSeverity(event.target.value as Severity)}>
                {SEVERITIES.map((each) => (
                  <option key={each} value={each}>
                    {each} {SEVERITY_NAMES[each]}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Whose it is">
            {(id) => <input id={id} value={assignee} onChange={(event) => setAssignee(event.target.value)} />}
          </Field>
        </div>
        <Field label="Services, separated by commas">
          {(id) => <input id={id} value={services} onChange={(event) => setServices(event.target.value)} />}
        </Field>
        <div className={css.pair}>
          <Field label="Zones, separated by commas">
            {(id) => <input id={id} value={zones} onChange={(event) => setZones(event.target.value)} />}
          </Field>
          <Field label="Users affected">
            {(id) => (
              <input
                id={id}
                type="number"
                min="0"
                step="1"
                value={users}
                onChange={(event) => setUsers(event.target.value)}
              />
            )}
          </Field>
        </div>
        <Field label="Who you are">
          {(id) => <input id={id} autoComplete="name" value={by} onChange={(event) => setBy(event.target.value)} />}
        </Field>
        <footer className={css.foot}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary">
            Save
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
