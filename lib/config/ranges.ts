/** What settings allow that are numbers with a unit: for their parsers, and for the table of settings. */

/** What `SCRAPE_TIMEOUT` allows: under 0.1 s no server answers, over 5 min no reader waits. */
export const SCRAPE_TIMEOUT_RANGE = { min: "100ms", max: "5m", example: "10s" } as const;

/**
 * What `MAX_BODY_BYTES` allows. One engine's response is 63 KB, so the default is enough for 250
 * engines behind one address; it suits the `mem_limit` of 512 MB in `compose.yml`.
 */
export const MAX_BODY_RANGE = { min: "1KiB", max: "4GiB", example: "16MiB" } as const;

/** What `PARSEABLE_TIMEOUT` allows: Fluent Bit waits for the relay as long as it is told. */
export const PARSEABLE_TIMEOUT_RANGE = { min: "100ms", max: "5m", example: "30s" } as const;

/** What `SCRAPE_INTERVAL` allows, as `SCRAPE_TIMEOUT` does. */
export const SCRAPE_INTERVAL_RANGE = { min: "100ms", max: "5m", example: "2s" } as const;

/** What `HISTORY_RETENTION` allows. */
export const HISTORY_RANGE = { min: "1h", max: "3650d", example: "30d" } as const;

/** What `SLO_TTFT` and `SLO_TPOT` allow; their defaults are those of vLLM's own dashboards. */
export const GOAL_RANGE = { min: "1ms", max: "10m", example: "1s" } as const;

/** What `PARSEABLE_RETENTION` allows: whole days, as many as Parseable 2.9.5 takes. */
export const RETENTION_RANGE = { min: 1, max: 36_500, example: "30d" } as const;
