/** Charts of how much is done. */

import { CLIENT_DISCONNECT, clientDisconnects } from "../client_disconnects.ts";
import { type ChartRule, linesBy, linesOf } from "./chart_rule.ts";

/** The charts of requests and tokens per second, and of how requests end. */
export const TRAFFIC_RULES: readonly ChartRule[] = [
  {
    id: "requests",
    title: "Requests per second",
    unit: "requests/s",
    kind: "line",
    explanation: {
      shows: "Requests that ended, per second.",
      normal: "It follows what clients send.",
      action: "If it falls while requests wait, the server is the bottleneck: see the findings.",
    },
    inAllVersions: true,
    zeroIsNothing: true,
    onlyWhenPresent: false,
    read: (scope) => linesOf({ ended: scope.rate("request_success_total") }),
  },
  {
    id: "tokens",
    title: "Tokens per second",
    unit: "tokens/s",
    kind: "line",
    explanation: {
      shows: "Prompt tokens taken in and tokens generated, per second. The input is counted " +
        "when a request gets its first token, which makes it jagged.",
      normal: "The output grows with the running requests until the server is full.",
      action: "If the output stays flat while more requests run, the hardware is at its limit.",
    },
    inAllVersions: true,
    zeroIsNothing: true,
    onlyWhenPresent: false,
    read: (scope) =>
      linesOf({
        input: scope.rate("prompt_tokens_total"),
        output: scope.rate("generation_tokens_total"),
      }),
  },
  {
    id: "finish_reasons",
    title: "How requests end",
    unit: "requests/s",
    kind: "stacked",
    explanation: {
      shows: "Requests per second by their end: stop is the answer's own end, length is the " +
        "token limit, abort is a client that gave up, error is a failure, repetition is an " +
        "answer that vLLM ended since it went in circles. vLLM's Python front end does not count " +
        "clients that go away: client disconnect is derived from its counts of first tokens, ended " +
        "requests and running requests, over a minute or more.",
      normal: "Mostly stop, no error.",
      action: "Errors: read the log of vLLM. Much length: raise max_tokens in the requests. " +
        "Much abort or client disconnect: answers are too slow for their clients.",
    },
    inAllVersions: true,
    zeroIsNothing: true,
    onlyWhenPresent: false,
    read: (scope) => [
      ...linesBy("finished_reason", scope.rates("request_success_total", ["finished_reason"])),
      ...linesOf({ [CLIENT_DISCONNECT]: clientDisconnects(scope) }),
    ],
  },
];
