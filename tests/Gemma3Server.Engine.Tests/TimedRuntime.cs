using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests;

/// <summary>A step takes so much for itself, for each decode row and for each other row.</summary>
internal sealed class TimedRuntime(FakeRuntimeOptions options, TimeSpan step, TimeSpan decodeRow, TimeSpan prefillRow) : ClockedRuntime(options)
{
    /// <summary>How long each step took, in order.</summary>
    public List<TimeSpan> Steps { get; } = [];

    protected override TimeSpan Reckon(ForwardBatch batch)
    {
        var took = step;
        foreach (var sequence in batch.Sequences.ToArray().GroupBy(id => id)) took += sequence.Count() == 1 ? decodeRow : sequence.Count() * prefillRow;
        Steps.Add(took);
        return took;
    }
}
