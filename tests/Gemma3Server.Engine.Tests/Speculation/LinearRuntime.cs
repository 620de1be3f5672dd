using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Speculation;

/// <summary>
/// Steps take time as the native library's do: a millisecond for each pass, and a part of that for each row. A pass takes as many rows of each
/// sequence as the one with the fewest has left.
/// </summary>
internal sealed class LinearRuntime(FakeRuntimeOptions options, double row) : ClockedRuntime(options)
{
    protected override TimeSpan Reckon(ForwardBatch batch)
    {
        var passes = batch.Sequences.ToArray().CountBy(id => id).Select(pair => pair.Value).Distinct().Count();
        return TimeSpan.FromTicks((long)(TimeSpan.TicksPerMillisecond * (passes + (row * batch.Count))));
    }
}
