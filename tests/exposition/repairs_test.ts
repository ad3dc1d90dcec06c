import { assertEquals } from "@std/assert";
import type { Format } from "../../lib/exposition/types.ts";
import { lossesOf } from "./faults.ts";
import { sanitized } from "./sanitized.ts";

interface Repair {
  readonly behaviour: string;
  readonly input: string;
  readonly output: string;
  readonly dropped?: Record<string, number>;
  readonly format?: Format;
}

/** Label names `l0` to `l127`, and so many pairs of them. */
function pairs(start: number, end: number): string {
  return Array.from({ length: end - start }, (_, index) => `l${start + index}="v"`).join();
}

const REPAIRS: readonly Repair[] = [
  {
    behaviour: "renames the second sample of a family as the first",
    input: "# TYPE a::b gauge\na::b 1\na::b 2\na_ 1\na_ 2\n:c 1\n:c 2\n",
    output: "# TYPE a_b gauge\na_b 1\na_b 2\na 1\na 2\nc 1\nc 2\n",
  },
  {
    behaviour: "renames a metric that is called like a number, each time",
    input: 'inf 1\ninf 2\nNaN{x="1"} 1\nNaN{x="2"} 2\n',
    output: '_inf 1\n_inf 2\n_NaN{x="1"} 1\n_NaN{x="2"} 2\n',
  },
  {
    behaviour: "drops all samples of a name that nothing is left of",
    input: "_ 1\n_ 2\na 3\n",
    output: "a 3\n",
    dropped: { bad_name: 2 },
  },
  {
    behaviour: "drops samples whose label names are more than Fluent Bit takes in one family",
    input: `# TYPE a gauge\na{${pairs(0, 100)}} 1\na{${pairs(100, 127)}} 2\na{${
      pairs(127, 129)
    }} 3\na 4\n`,
    output: `# TYPE a gauge\na{${pairs(0, 100)}} 1\na{${pairs(100, 127)}} 2\na 4\n`,
    dropped: { too_many_labels: 1 },
  },
  {
    behaviour: "drops samples with known labels behind one with all that Fluent Bit takes",
    input: `a{${pairs(0, 128)}} 1\na{${pairs(0, 128)}} 2\na{l5="v"} 3\na 4\n`,
    output: `a{${pairs(0, 128)}} 1\na 4\n`,
    dropped: { too_many_labels: 2 },
  },
  {
    behaviour: "drops samples of a form that passed before all label names were there",
    input: `# TYPE a gauge\na{${pairs(0, 100)}} 1\na{${pairs(100, 128)}} 2\na{${
      pairs(0, 100)
    }} 3\n`,
    output: `# TYPE a gauge\na{${pairs(0, 100)}} 1\na{${pairs(100, 128)}} 2\n`,
    dropped: { too_many_labels: 1 },
  },
  {
    behaviour: "rounds a number up that is denormal until it is rounded",
    input: "a 2.2250738585072012e-308\na 2.2250738585072014e-308\n",
    output: "a 2.2250738585072014e-308\na 2.2250738585072014e-308\n",
  },
  {
    behaviour: "keeps the names of samples whose family is called like a sample already",
    input: "# TYPE a_total counter\na_total_total 1\na_total_created 2\n" +
      "# TYPE v:total counter\nv:total_created 3\nv:total_total 4\n" +
      '# TYPE b_info info\nb_info_info{x="1"} 1\n# TYPE c_total counter\nc_total 1\n# EOF\n',
    output: "# TYPE a_total_total counter\na_total_total 1\n" +
      "# TYPE a_total_created gauge\na_total_created 2\n" +
      "# TYPE v_total_total counter\nv_total_total 4\n" +
      "# TYPE v_total_created gauge\nv_total_created 3\n" +
      '# TYPE b_info_info gauge\nb_info_info{x="1"} 1\n# TYPE c_total counter\nc_total 1\n',
    format: "openmetrics",
  },
  {
    behaviour: "takes no sample for one of a family that names the others in another way",
    input: "# TYPE a_b:total counter\na_b:total_total 1\na:b_total 2\n" +
      "# TYPE c_total counter\nc_total 3\nc_total_total 4\n" +
      '# TYPE d::sum info\nd::sum_info{x="1"} 1\nd_sum 5\n# EOF\n',
    output: "# TYPE a_b_total_total counter\na_b_total_total 1\na_b_total 2\n" +
      "# TYPE c_total counter\nc_total 3\nc_total_total 4\n" +
      '# TYPE d_sum_info gauge\nd_sum_info{x="1"} 1\nd_sum 5\n',
    format: "openmetrics",
  },
  {
    behaviour: "adds nothing to the names of samples that lack what OpenMetrics adds",
    input: '# TYPE v:a counter\nv:a 1\n# TYPE b info\nb{x="1"} 1\n# TYPE c counter\n# EOF\n',
    output: '# TYPE v_a counter\nv_a 1\n# TYPE b gauge\nb{x="1"} 1\n# TYPE c_total counter\n',
    format: "openmetrics",
  },
  {
    behaviour: "keeps line feeds and other blanks than spaces at the start of a help text",
    input: "# HELP a \\n\u00a0x\n# TYPE a gauge\n# HELP b  \v\f y \n# TYPE b gauge\n",
    output: "# HELP a \\n\u00a0x\n# TYPE a gauge\n# HELP b \v\f y \n# TYPE b gauge\n",
  },
  {
    behaviour: "tells the type of a family once",
    input: "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\n# TYPE b counter\n",
    output: "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n",
    dropped: { bad_header: 2 },
  },
  {
    behaviour: "tells no type of samples that were written without one",
    input: 'a 1\nb 1\n# TYPE a gauge\na{x="1"} 2\n# TYPE b gauge\n',
    output: 'a 1\nb 1\na{x="1"} 2\n',
    dropped: { bad_header: 2 },
  },
  {
    behaviour: "keeps each name of a histogram without finite bounds in one piece, as untyped",
    input: '# TYPE h histogram\nh_bucket{m="x",le="+Inf"} 1\nh_sum{m="x"} 2\nh_count{m="x"} 1\n' +
      'h_bucket{m="y",le="+Inf"} 3\nh_sum{m="y"} 4\nh_count{m="y"} 3\n',
    output: '# TYPE h untyped\nh_bucket{m="x",le="+Inf"} 1\nh_bucket{m="y",le="+Inf"} 3\n' +
      'h_count{m="x"} 1\nh_count{m="y"} 3\nh_sum{m="x"} 2\nh_sum{m="y"} 4\n',
  },
  {
    behaviour: "keeps each name of a gauge histogram in one piece, as untyped",
    input: '# TYPE g gaugehistogram\ng_bucket{m="x",le="+Inf"} 1\ng_gsum{m="x"} 2\n' +
      'g_bucket{m="y",le="+Inf"} 3\ng_gsum{m="y"} 4\n# EOF\n',
    output: '# TYPE g untyped\ng_bucket{m="x",le="+Inf"} 1\ng_bucket{m="y",le="+Inf"} 3\n' +
      'g_gsum{m="x"} 2\ng_gsum{m="y"} 4\n',
    format: "openmetrics",
  },
  {
    behaviour: "hands out a histogram with a bound that Fluent Bit cannot read as untyped",
    input:
      '# TYPE h histogram\nh_bucket{le="1e-310"} 1\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 3\n',
    output:
      '# TYPE h untyped\nh_bucket{le="1e-310"} 1\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 3\n',
  },
  {
    behaviour: "drops buckets whose bound is no number",
    input: '# TYPE h histogram\nh_bucket{le="1 "} 1\nh_bucket{le="0b1"} 1\nh_bucket{le="2"} 1\n' +
      'h_bucket{le="+Inf"} 2\nh_count 2\nh_sum 3\n',
    output: '# TYPE h histogram\nh_bucket{le="2"} 1\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 3\n',
    dropped: { bad_label: 2 },
  },
  {
    behaviour: "puts the sum of a summary behind its quantiles",
    input: '# TYPE s summary\ns_sum 9\ns{quantile="0.5"} 3\ns_count 4\n',
    output: '# TYPE s summary\ns{quantile="0.5"} 3\ns_count 4\ns_sum 9\n',
  },
  {
    behaviour: "puts the quantile behind the other labels, and all labels in one order",
    input: '# TYPE s summary\ns{a="1",quantile="0.5",b="2"} 3\ns_sum{b="2",a="1"} 9\n' +
      's_count{a="1",b="2"} 4\n',
    output: '# TYPE s summary\ns{a="1",b="2",quantile="0.5"} 3\ns_sum{a="1",b="2"} 9\n' +
      's_count{a="1",b="2"} 4\n',
  },
  {
    behaviour: "hands out a summary with quantiles of several label sets as untyped",
    input: '# TYPE s summary\ns{m="x",quantile="0.5"} 1\ns_sum{m="x"} 2\ns_count{m="x"} 3\n' +
      's{m="y",quantile="0.5"} 4\ns_sum{m="y"} 5\ns_count{m="y"} 6\n',
    output: '# TYPE s untyped\ns{m="x",quantile="0.5"} 1\ns{m="y",quantile="0.5"} 4\n' +
      's_count{m="x"} 3\ns_count{m="y"} 6\ns_sum{m="x"} 2\ns_sum{m="y"} 5\n',
  },
  {
    behaviour: "separates a family from a summary that Fluent Bit would take it for a part of",
    input: "# TYPE s summary\ns_sum 1\ns_count 2\n# TYPE s_bucket gauge\ns_bucket 3\n",
    output: "# TYPE s summary\ns_sum 1\ns_count 2\n# TYPE s_bucket_separator untyped\n" +
      "# TYPE s_bucket gauge\ns_bucket 3\n",
  },
  {
    behaviour: "separates a sample without a type from the histogram before it",
    input: '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 3\n' +
      '# HELP h_count An h.\nh_count{x="1"} 4\n',
    output: '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 3\n' +
      '# TYPE h_count_separator untyped\n# HELP h_count An h.\nh_count{x="1"} 4\n',
  },
  {
    behaviour: "ends a family at a TYPE line that it cannot read",
    input: '# TYPE h histogram\nh_bucket{le="1"} 1\n# TYPE x nonsense\nh_bucket{le="+Inf"} 2\n',
    output: '# TYPE h histogram\n# TYPE h_bucket_separator untyped\nh_bucket{le="+Inf"} 2\n',
    dropped: { bad_header: 1, incomplete_histogram: 1 },
  },
  {
    behaviour: "goes on with a family at a TYPE line of its own that it cannot read",
    input: '# TYPE h histogram\n# TYPE h nonsense\nh_bucket{le="1"} 1\nh_count 2\nh_sum 3\n',
    output: '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 3\n',
    dropped: { bad_header: 1 },
  },
];

Deno.test.each(REPAIRS.map((repair) => [repair.behaviour, repair] as const))(
  "Sanitizer %s",
  (_behaviour, { input, output, dropped = {}, format = "text" }) => {
    const actual = sanitized(input, { format });
    assertEquals(actual.text, output);
    assertEquals(actual.dropped, dropped);
    assertEquals(lossesOf(actual.bytes), []);
    assertEquals(sanitized(actual.bytes).text, output, "a second pass");
  },
);
