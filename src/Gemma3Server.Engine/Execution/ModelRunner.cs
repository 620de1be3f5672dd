using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Execution;

/// <summary>Turns a plan into a batch and runs it. The only caller of <see cref="IModelRuntime.Forward"/> and <see cref="IModelRuntime.Logits"/>.</summary>
internal sealed class ModelRunner(IModelRuntime runtime)
{
    private readonly ForwardBatch _batch = new(runtime.Limits.MaxBatchTokens);
    private readonly int[] _lastRows = new int[runtime.Limits.MaxSequences];

    /// <summary>Runs the plan's rows in one forward call.</summary>
    public ForwardStatus Run(StepPlan plan)
    {
        _batch.Clear();
        var entries = plan.Entries;
        for (var e = 0; e < entries.Length; e++)
        {
            var (sequence, start, count, wantLogits) = entries[e];
            var tokens = sequence.Tokens.Slice(start, count);
            for (var i = 0; i < count; i++)
            {
                _lastRows[e] = _batch.Add(tokens[i], start + i, sequence.Id, wantLogits && i == count - 1);
            }
        }

        return runtime.Forward(_batch);
    }

    /// <summary>The logits of the last row of an entry of the plan that ran; valid until the next run.</summary>
    public ReadOnlySpan<float> Logits(int entry) => runtime.Logits(_lastRows[entry]);
}
