// Applies the chosen theme before the first paint; the rest of the UI loads after it. A file of its own
// because the content security policy allows no inline script.
try {
  const theme = localStorage.getItem('kilowatch.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's theme is followed.
}
