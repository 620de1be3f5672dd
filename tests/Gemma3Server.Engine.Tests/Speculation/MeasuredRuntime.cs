using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Speculation;

/// <summary>
/// Steps take time as a 270M checkpoint's do on a CPU of one thread, by what the benchmarks' <c>rows</c> measured: a row by itself a
/// unit, more rows in fours, whose kernels cost more than four units however few they are given, and what is left over of the fours more again.
/// A pass takes as many rows of each sequence as the one with the fewest has left.
/// </summary>
internal sealed class MeasuredRuntime(FakeRuntimeOptions options) : ClockedRuntime(options)
{
    protected override TimeSpan Reckon(ForwardBatch batch)
    {
        var left = batch.Sequences.ToArray().CountBy(id => id).Select(pair => pair.Value).ToArray();
        var units = 0.0;
        for (var done = 0; left.Max() > done;)
        {
            var together = left.Where(rows => rows > done).ToArray();
            units += Units(together.Length * (together.Min() - done));
            done = together.Min();
        }

        return TimeSpan.FromMilliseconds(10 * units);
    }

    private static double Units(int rows) => rows switch
    {
        1 => 1,
        _ => (rows >= 4 ? 4.2 + (0.31 * (rows - (rows % 4))) : 0.3) + (rows % 4 > 0 ? 1.9 + (0.9 * (rows % 4)) : 0),
    };
}
