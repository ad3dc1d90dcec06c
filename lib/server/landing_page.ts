/** The words at `/` for those who are no browser: what this is, what it reads, and where to go. */

/** What the words say. */
export interface LandingPage {
  /** The version of the service. */
  readonly version: string;
  /** The server's address for people. */
  readonly upstream: string;
  /** The server's state for people. */
  readonly state: string;
}

/** The routes that they name, with what those are for. */
const LINKS: readonly (readonly [path: string, text: string])[] = [
  ["/metrics", "the metrics of vLLM, with names that every reader takes"],
  ["/-/metrics", "the metrics of this service"],
  ["/-/healthy", "whether this process lives"],
  ["/-/ready", "whether this service is ready"],
];

/** The words, for a terminal. */
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
