/** Engines of one server, or servers, compared with their peers. */

import type { TimeSeries } from "../history/history.ts";
import { meanOf } from "./line.ts";

/** A peer and its value. */
export interface PeerValue {
  /** Its name, such as `vllm-a, engine 1`. */
  readonly name: string;
  /** Its value. */
  readonly value: number;
}

/** The peer that differs from the others. */
export interface Outlier extends PeerValue {
  /** The mean of the others. */
  readonly others: number;
}

/** An outlier has at least this many times the mean of the others, or at most this part of it. */
const OUTLIER_FACTOR = 2;

/**
 * Names each label set by its engine, by its server, or by both where there are several servers.
 */
export function peerNames(labelSets: readonly Readonly<Record<string, string>>[]): string[] {
  const severalServers = new Set(labelSets.map(({ instance }) => instance)).size > 1;
  return labelSets.map(({ instance = "", engine }) => {
    if (engine === undefined) return instance;
    return severalServers ? `${instance}, engine ${engine}` : `engine ${engine}`;
  });
}

/** The mean value of each series under the name of its engine or server. */
export function peerMeans(series: readonly TimeSeries[]): PeerValue[] {
  const names = peerNames(series.map(({ labels }) => labels));
  return series.flatMap(({ values }, index) => {
    const value = meanOf(values);
    return value === null ? [] : [{ name: names[index] ?? "", value }];
  });
}

/** Sorts names by the numbers in them: `engine 2` before `engine 10`. */
export function compareNumbered(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}

/**
 * Finds the peer whose value is at least twice or at most half the mean of the others.
 *
 * @param differenceFrom The least difference that matters, by the mean of the others.
 */
export function findOutlier(
  peers: readonly PeerValue[],
  differenceFrom: (others: number) => number,
): Outlier | undefined {
  // Summed without the peer itself, so that two peers are exactly as far from each other.
  const meanWithout = (own: number): number =>
    peers.reduce((sum, { value }, index) => index === own ? sum : sum + value, 0) /
    (peers.length - 1);
  return peers
    .map(({ name, value }, index): Outlier => ({ name, value, others: meanWithout(index) }))
    .filter(({ value, others }) =>
      Math.abs(value - others) >= differenceFrom(others) &&
      (value >= OUTLIER_FACTOR * others || others >= OUTLIER_FACTOR * value)
    )
    .sort((left, right) => distance(right) - distance(left) || right.value - left.value)[0];
}

/** Equal peers with random arrivals differ by up to three times the root of their mean. */
const RANDOM_FACTOR = 3;

/** The least difference in running requests that is no chance. */
export function runningDifference(others: number): number {
  return Math.max(4, RANDOM_FACTOR * Math.sqrt(others));
}

function distance({ value, others }: Outlier): number {
  return Math.abs(value - others);
}
