// Why somebody was, or was not, told of one alert: the verdict, its routes, its life.
import type { ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { Badge } from '../../components/Badge';
import { Dialog } from '../../components/Dialog';
import { LabelChips } from '../../components/Labels';
import { Loaded } from '../../components/Loaded';
import type { Story } from '../../model/notifications';
import { formatDateTime } from '../../model/time';
import css from './Alerting.module.css';
import own from './Routing.module.css';

export interface WhyDialogProps {
  readonly fingerprint: string;
  readonly onClose: () => void;
}

export function WhyDialog({ fingerprint, onClose }: WhyDialogProps): ReactElement {
  const story = useResource<Story>(`api/kw/v1/alerts/why?fingerprint=${encodeURIComponent(fingerprint)}`);
  return (
    <Dialog title={`Why: alert ${fingerprint}`} onClose={onClose}>
      <Loaded resource={story} what="the alert’s life">
        {(data) => <Life story={data} />}
      </Loaded>
    </Dialog>
  );
}

function Life({ story }: { readonly story: Story }): ReactElement {
  return (
    <div className={own.why}>
      <div className={own.nodeHead}>
        <Badge tone={story.state === 'firing' ? 'bad' : story.state === 'pending' ? 'warn' : 'neutral'}>
          {story.state}
        </Badge>
      </div>
      {story.labels !== null && <LabelChips labels={story.labels} />}
      {story.verdict.length > 0 && (
        <ul className={own.bullets} aria-label="Verdict">
          {story.verdict.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
      {(story.routes ?? []).map((route) => (
        <section key={route.index} className={own.told} aria-label={`Route to ${route.receiver}`}>
          <h3>{route.receiver}</h3>
          <p className={css.facts}>
            <span>by {route.path.map(({ matchers }) => matchers).join(' › ')}</span>
            <span>
              {route.groupSize.toLocaleString('en')} {route.groupSize === 1 ? 'alert' : 'alerts'} in its group
            </span>
            {route.nextFlush !== null && (
              <span>looked at next {formatDateTime(Date.parse(route.nextFlush), 'local')}</span>
            )}
          </p>
        </section>
      ))}
      <h3>Life</h3>
      <ol className={own.events} aria-label="Life">
        {story.timeline.map((step, i) => (
          // Steps of the same instant and kind differ by their place only.
          // oxlint-disable-next-line no-array-index-key
          <li key={i}>
            <time dateTime={step.at}>{formatDateTime(Date.parse(step.at), 'local')}</time>
            <strong>{step.what}</strong>
            <span>{step.text}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
