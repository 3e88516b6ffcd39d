// Asks why, before a step that may want a reason.
import { useState, type ReactElement } from 'react';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { Field } from './parts';
import css from './Incidents.module.css';

export interface ReasonDialogProps {
  readonly title: string;
  readonly isWanted: boolean; // it is refused without one
  readonly onClose: () => void;
  readonly onReason: (reason: string) => void;
}

export function ReasonDialog({ title, isWanted, onClose, onReason }: ReasonDialogProps): ReactElement {
  const [reason, setReason] = useState('');
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          onReason(reason.trim());
        }}
      >
        <Field label={isWanted ? 'Why' : 'Why (where something is missing)'}>
          {(id) => (
            <textarea
              id={id}
              rows={2}
              required={isWanted}
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          )}
        </Field>
        <footer className={css.foot}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary">
            {title}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
