// What the keyboard can do, as a dialog. docs/web-ui.md has the same list.
import type { ReactElement } from 'react';
import { Dialog } from '../components/Dialog';
import css from './ShortcutsDialog.module.css';

const SHORTCUTS: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    'Everywhere',
    [
      ['g e', 'Explore'],
      ['g a', 'Alerting'],
      ['g t', 'Targets'],
      ['g s', 'Status'],
      ['/', 'To the first query or filter'],
      ['?', 'This list'],
    ],
  ],
  [
    'Query editor',
    [
      ['Ctrl Enter', 'Run all queries (also Shift Enter, and ⌘ Enter)'],
      ['Ctrl Space', 'Complete metrics, labels and functions'],
      ['Tab', 'Accept a completion, else go to the next control'],
      ['Esc', 'Close the completions'],
      ['Ctrl Z', 'Undo'],
    ],
  ],
  [
    'Graph, when it has the focus',
    [
      ['← →', 'Read the values step by step (with Shift: ten steps)'],
      ['Home End', 'First and last step'],
      ['↑ ↓', 'Next series'],
      ['+ −', 'Zoom in and out around the cursor'],
      ['[ ]', 'Earlier and later by half the range'],
    ],
  ],
];

export function ShortcutsDialog({ onClose }: { readonly onClose: () => void }): ReactElement {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      {SHORTCUTS.map(([where, list]) => (
        <section key={where}>
          <h3 className={css.where}>{where}</h3>
          <dl className={css.list}>
            {list.map(([keys, what]) => (
              <div key={keys} className={css.row}>
                <dt>
                  {keys.split(' ').map((key) => (
                    <kbd key={key} className={css.key}>
                      {key}
                    </kbd>
                  ))}
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
