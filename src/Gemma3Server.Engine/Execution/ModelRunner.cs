using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Execution;

/// <summary>Turns a plan into a batch and runs it. The only caller of <see cref="IModelRuntime.Forward"/> and <see cref="IModelRuntime.Logits"/>.</summary>
internal sealed class ModelRunner(IModelRuntime runtime)
{
    private readonly ForwardBatch _batch = new(runtime.Limits.MaxBatchTokens);
    private readonly int[] _logitsRows = new int[runtime.Limits.MaxSequences];

    /// <summary>Runs the plan's rows in one forward call.</summary>
    public ForwardStatus Run(StepPlan plan)
    {
        _batch.Clear();
        var entries = plan.Entries;
        for (var e = 0; e < entries.Length; e++)
        {
            var (sequence, start, count, wantLogits) = entries[e];
            var tokens = sequence.Tokens.Slice(start, count);
            wantLogits |= entries[e].IsForced && plan.LevelsLogits;
            for (var i = 0; i < count; i++)
            {
                _logitsRows[e] = _batch.Add(tokens[i], start + i, sequence.Id, wantLogits && i == count - 1);
            }

            var drafts = sequence.Draft.Tokens[..entries[e].Drafts];
            for (var i = 0; i < drafts.Length; i++) _batch.Add(drafts[i], start + count + i, sequence.Id, wantLogits: true);
        }

        return runtime.Forward(_batch);
    }

    /// <summary>
    /// The logits of the last row of an entry of the plan that ran or, with <paramref name="draft"/> above 0, of the row of its draft's token of
    /// that number; valid until the next run.
    /// </summary>
    public ReadOnlySpan<float> Logits(int entry, int draft = 0) => runtime.Logits(_logitsRows[entry] + draft);
}
