using System.Runtime.InteropServices;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>A runtime that computes all its rows and then says what a script has for their positions.</summary>
/// <remarks>
/// A checkpoint of random weights has a near-tie in every other line, and which of two words it says there depends on with how many rows it is
/// computed: the same request has another answer the second time, and no prediction of it is right. What is said here can be known before,
/// and what it costs is the library's.
/// </remarks>
internal sealed class ScriptedRuntime(IModelRuntime inner, Func<int, int> script) : DelegatingRuntime(inner)
{
    private readonly List<int> _positions = [];

    public override ForwardStatus Forward(ForwardBatch batch)
    {
        _positions.Clear();
        foreach (var position in batch.Positions) _positions.Add(position);
        return base.Forward(batch);
    }

    public override ReadOnlySpan<float> Logits(int row)
    {
        var logits = base.Logits(row);
        // In place: a copy of all logits would take longer than choosing from them.
        if (logits.Length > 0) MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(logits), logits.Length)[script(_positions[row] + 1)] = 1e6f;
        return logits;
    }
}
