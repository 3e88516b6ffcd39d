// Copies a text and says so for two seconds.
import { useEffect, useState, type ReactElement } from 'react';
import { Button, IconButton } from './Button';

async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  // Plain HTTP on another host has no clipboard API.
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

export interface CopyButtonProps {
  readonly label: string;
  readonly text: () => string;
  readonly iconOnly?: boolean;
}

export function CopyButton({ label, text, iconOnly = false }: CopyButtonProps): ReactElement {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (): void => {
    copyText(text()).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <>
      {iconOnly ? (
        <IconButton icon="copy" label={copied ? 'Copied' : label} onClick={copy} />
      ) : (
        <Button icon="copy" onClick={copy}>
          {copied ? 'Copied' : label}
        </Button>
      )}
      <span className="visually-hidden" aria-live="polite">
        {copied ? 'Copied' : ''}
      </span>
    </>
  );
}
