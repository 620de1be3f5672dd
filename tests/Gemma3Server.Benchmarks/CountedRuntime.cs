using System.Diagnostics;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Benchmarks;

/// <summary>A runtime that counts what it is asked to compute.</summary>
internal sealed class CountedRuntime(IModelRuntime inner) : DelegatingRuntime(inner)
{
    /// <summary>Forward calls.</summary>
    public int Steps { get; private set; }

    /// <summary>Rows of all calls.</summary>
    public int Rows { get; private set; }

    /// <summary>Of these, rows with logits.</summary>
    public int LogitsRows { get; private set; }

    /// <summary>
    /// Times that the weights are read: with cells of each conversation's own the library takes as many rows of each of consecutive sequences
    /// at once as all of them have, and begins anew with the rest.
    /// </summary>
    public int Passes { get; private set; }

    /// <summary>Time in the library.</summary>
    public TimeSpan Time { get; private set; }

    public override ForwardStatus Forward(ForwardBatch batch)
    {
        Steps++;
        Rows += batch.Count;
        foreach (var wanted in batch.WantLogits) LogitsRows += wanted ? 1 : 0;
        Passes += Limits.SharedCells ? 1 : CountPasses(batch);
        var start = Stopwatch.GetTimestamp();
        var status = base.Forward(batch);
        Time += Stopwatch.GetElapsedTime(start);
        return status;
    }

    private static int CountPasses(ForwardBatch batch)
    {
        // Rows of each sequence, in the order of the batch.
        var left = new List<(int Sequence, int Rows)>();
        foreach (var sequence in batch.Sequences)
        {
            if (left.Count > 0 && left[^1].Sequence == sequence) left[^1] = (sequence, left[^1].Rows + 1);
            else left.Add((sequence, 1));
        }

        var passes = 0;
        while (left.Count > 0)
        {
            var together = 1;
            while (together < left.Count && left[together].Sequence == left[together - 1].Sequence + 1) together++;
            var rows = left[..together].Min(entry => entry.Rows);
            for (var i = 0; i < together; i++) left[i] = (left[i].Sequence, left[i].Rows - rows);
            left.RemoveAll(entry => entry.Rows == 0);
            passes++;
        }

        return passes;
    }
}
