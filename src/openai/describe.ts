import type { ObservationType } from "../core/record.ts";
import type { SpanPatch } from "../core/span.ts";
import type { Plan } from "./plan.ts";

/** How the calls of one endpoint become a span: what is known at the call, and what with the answer. Pure; never throws. */
export interface Describer {
  request(request: unknown, provider: string): RequestedSpan;
  plan(call: DescribedCall): Plan;
}

export interface RequestedSpan {
  readonly name: string;
  readonly type: ObservationType;
  /** Model, parameters, input: what also a failed call shows. */
  readonly patch: SpanPatch;
}

export interface DescribedCall {
  /** The body of the request, where it is known. */
  readonly request: unknown;
  /** The body of the answer, or what a stream adds up to. */
  readonly answer: unknown;
  readonly provider: string;
  /** What `request` has said of it already. */
  readonly requested?: RequestedSpan | undefined;
  /** Epoch milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
}
