// The field that filters a page; `/` goes to it.
import type { ReactElement } from 'react';
import { Icon } from './icons';
import css from './SearchField.module.css';

export interface SearchFieldProps {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

export function SearchField({ label, placeholder, value, onChange }: SearchFieldProps): ReactElement {
  return (
    <label className={css.search}>
      <span className="visually-hidden">{label}</span>
      <Icon name="search" size={16} />
      <input
        type="search"
        data-first-field
        placeholder={placeholder}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}
