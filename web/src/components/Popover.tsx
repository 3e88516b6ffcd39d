// A button that opens a panel below it. Escape and a press outside close it and give the focus back.
import { useEffect, useId, useRef, useState, type ReactElement, type ReactNode } from 'react';
import { Icon, type IconName } from './icons';
import button from './Button.module.css';
import css from './Popover.module.css';

export interface PopoverProps {
  readonly label: string; // name of the panel, and of the button when it shows an icon alone
  readonly icon?: IconName;
  readonly text?: string; // shown on the button
  readonly align?: 'start' | 'end';
  readonly children: (close: () => void) => ReactNode;
}

export function Popover({ label, icon, text, align = 'start', children }: PopoverProps): ReactElement {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const trigger = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent): void => {
      if (event.target instanceof Node && root.current?.contains(event.target) !== true) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [open]);
  const close = (): void => {
    setOpen(false);
    trigger.current?.focus();
  };
  const bare = text === undefined;
  return (
    <div
      ref={root}
      className={css.root}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !open) return;
        event.stopPropagation();
        close();
      }}
    >
      <button
        ref={trigger}
        type="button"
        className={[button.button, bare ? `${button.square} ${button.ghost}` : button.plain].join(' ')}
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={bare ? label : `${label}: ${text}`}
        title={bare ? label : undefined}
        onClick={() => setOpen((was) => !was)}
      >
        {icon !== undefined && <Icon name={icon} />}
        {!bare && <span className={css.text}>{text}</span>}
        {!bare && <Icon name="chevron" size={14} />}
      </button>
      {open && (
        <div id={id} role="dialog" aria-label={label} className={[css.panel, css[align]].join(' ')}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
