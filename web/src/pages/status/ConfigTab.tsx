// The configuration that acts now, as the server wrote it out (without secrets), to read and copy.
import type { ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { CopyButton } from '../../components/CopyButton';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Page';
import { yamlParts } from '../../model/status';
import css from './Status.module.css';

export function ConfigTab(): ReactElement {
  const config = useResource<{ readonly yaml: string }>('api/v1/status/config');
  const yaml = config.state === 'ready' ? config.data.yaml : '';
  return (
    <Panel title="Configuration" action={<CopyButton label="Copy YAML" text={() => yaml} />}>
      <Loaded resource={config} what="the configuration">
        {() => (
          <pre className={css.yaml} tabIndex={0} role="region" aria-label="Configuration as YAML">
            <code>
              {yaml.split('\n').map((line, i) => (
                <span key={i}>
                  {yamlParts(line).map((part, j) =>
                    part.kind === 'text' ? (
                      part.text
                    ) : (
                      <span key={j} className={css[part.kind]}>
                        {part.text}
                      </span>
                    ),
                  )}
                  {'\n'}
                </span>
              ))}
            </code>
          </pre>
        )}
      </Loaded>
    </Panel>
  );
}
