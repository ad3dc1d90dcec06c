/** The page at `/`: what this is, what it reads, and where to go. */

/** What the page says. */
export interface LandingPage {
  /** The version of the service. */
  readonly version: string;
  /** The server's address for people. */
  readonly upstream: string;
  /** The server's state for people. */
  readonly state: string;
}

/** The routes that the page links to, with what they are for. */
const LINKS: readonly (readonly [path: string, text: string])[] = [
  ["/metrics", "the metrics of vLLM, with names that every reader takes"],
  ["/-/metrics", "the metrics of this service"],
  ["/-/healthy", "whether this process lives"],
  ["/-/ready", "whether this service is ready"],
];

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

/** Headers that keep a page from doing more than showing itself (CSP level 3). */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** The page as HTML. */
export function landingPageHtml(page: LandingPage): string {
  const links = LINKS.map(([path, text]) => `<li><a href="${path}">${path}</a>: ${text}</li>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>vllm-metrics</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
<h1>vllm-metrics ${escapeHtml(page.version)}</h1>
<p>Hands out the metrics of a vLLM server so that Prometheus, Fluent Bit and others can read them.</p>
<dl>
<dt>Upstream</dt><dd>${escapeHtml(page.upstream)}</dd>
<dt>State</dt><dd>${escapeHtml(page.state)}</dd>
</dl>
<ul>
${links.join("\n")}
</ul>
</main>
</body>
</html>
`;
}

/** The page as plain text, for a terminal. */
export function landingPageText(page: LandingPage): string {
  const links = LINKS.map(([path, text]) => `  ${path.padEnd(12)} ${text}`);
  return [
    `vllm-metrics ${page.version}`,
    `upstream: ${page.upstream}`,
    `state:    ${page.state}`,
    "",
    ...links,
    "",
  ].join("\n");
}
