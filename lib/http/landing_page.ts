/** The text at `/` for clients that are not browsers: what this is and where to go. */

/** What the text says. */
export interface LandingPage {
  /** The version of the service. */
  readonly version: string;
  /** The servers: name (empty when there is one), address and state for people. */
  readonly servers: readonly {
    readonly name: string;
    readonly upstream: string;
    readonly state: string;
  }[];
}

/** The routes that it names, with what they are for. */
const LINKS: readonly (readonly [path: string, text: string])[] = [
  ["/metrics", "the metrics of vLLM, with names that every reader takes"],
  ["/metrics/NAME", "those of one server"],
  ["/-/targets", "the servers and how they are, as JSON"],
  ["/-/metrics", "the metrics of this service"],
  ["/-/healthy", "whether this process lives"],
  ["/-/ready", "whether this service is ready"],
];

/** The text, for a terminal. */
export function landingPageText(page: LandingPage): string {
  const links = LINKS.map(([path, text]) => `  ${path.padEnd(13)} ${text}`);
  return [
    `vllm-metrics ${page.version}`,
    ...page.servers.flatMap(({ name, upstream, state }) => [
      `upstream: ${name === "" ? "" : `${name} `}${upstream}`,
      `state:    ${state}`,
    ]),
    "",
    ...links,
    "",
  ].join("\n");
}
