// Buttons. An icon alone needs `label`, which is its name for screen readers and its tooltip.
import type { ButtonHTMLAttributes, ReactElement, Ref } from 'react';
import { Icon, type IconName } from './icons';
import css from './Button.module.css';

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly variant?: 'plain' | 'primary' | 'ghost' | 'danger';
  readonly icon?: IconName;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function Button({ variant = 'plain', icon, children, className, ...rest }: ButtonProps): ReactElement {
  return (
    <button type="button" {...rest} className={[css.button, css[variant], className].filter(Boolean).join(' ')}>
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}

export interface IconButtonProps extends Omit<ButtonProps, 'children' | 'icon'> {
  readonly icon: IconName;
  readonly label: string;
}

export function IconButton({ icon, label, variant = 'ghost', className, ...rest }: IconButtonProps): ReactElement {
  return (
    <button
      type="button"
      title={label}
      aria-label={label}
      {...rest}
      className={[css.button, css.square, css[variant], className].filter(Boolean).join(' ')}
    >
      <Icon name={icon} />
    </button>
  );
}

export interface SegmentedOption<T extends string> {
  readonly value: T;
  readonly label: string;
  readonly icon?: IconName; // shown instead of the label
}

export interface SegmentedProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly SegmentedOption<T>[];
  readonly onChange: (value: T) => void;
}

// One of few: a radio group that looks like one control.
export function Segmented<T extends string>({ label, value, options, onChange }: SegmentedProps<T>): ReactElement {
  return (
    <div role="radiogroup" aria-label={label} className={css.segmented}>
      {options.map((option, i) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === value}
          aria-label={option.label}
          title={option.icon === undefined ? undefined : option.label}
          tabIndex={option.value === value ? 0 : -1}
          className={css.segment}
          onClick={() => onChange(option.value)}
          onKeyDown={(event) => {
            const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
            if (by === undefined) return;
            event.preventDefault();
            const next = (i + by + options.length) % options.length;
            const chosen = options[next];
            if (chosen !== undefined) onChange(chosen.value);
            const sibling = event.currentTarget.parentElement?.children[next];
            if (sibling instanceof HTMLElement) sibling.focus();
          }}
        >
          {option.icon === undefined ? option.label : <Icon name={option.icon} />}
        </button>
      ))}
    </div>
  );
}
