/** The feature of the traces of a judge: they cost money, and are not judged. */
export const JUDGE_FEATURE = "quality_judge";
