// Labels as chips, the same wherever they stand.
import type { ReactElement } from 'react';
import { METRIC_NAME, sortedPairs, type Labels } from '../model/labels';
import css from './Labels.module.css';

export function LabelChips({ labels }: { readonly labels: Labels }): ReactElement {
  const metric = labels[METRIC_NAME];
  const pairs: readonly (readonly [string, string])[] = [
    ...(metric === undefined ? [] : [[METRIC_NAME, metric] as const]),
    ...sortedPairs(labels),
  ];
  return (
    <ul className={css.chips}>
      {pairs.map(([name, value]) => (
        <li key={name} className={css.chip}>
          <span className={css.name}>{name}=</span>
          <span>{`"${value}"`}</span>
        </li>
      ))}
    </ul>
  );
}
