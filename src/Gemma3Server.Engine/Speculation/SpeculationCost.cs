using System.Numerics;
using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine.Speculation;

/// <summary>What drafts cost: how much longer a step takes with their rows than without, measured.</summary>
/// <remarks>
/// <para>A step that decodes n sequences takes <c>a(n)</c> (<see cref="DecodeTimes"/>); r draft rows on top take <c>e(n, r)</c>. On a
/// GPU rows are nearly free until it has to compute rather than to read weights. On a CPU the second row is the dearest: other kernels take
/// over, which cost several steps whether they are given two rows or sixteen; five rows can cost more than eight. So a few rows tell little
/// of what many cost, no formula fits, and e is kept as means for powers of two of n and r. Between them lie straight lines; beyond the largest
/// that was measured more rows are thought cheaper than those before, so that they are tried where much is expected of them.</para>
/// <para>Where each sequence has its own cells, sequences of unlike row counts are computed in passes of their own, each of which reads all
/// weights: steps with such a pass are measured apart.</para>
/// <para>Used by the engine loop alone.</para>
/// </remarks>
internal sealed class SpeculationCost(int sequences)
{
    private const int RowSizes = 8;

    /// <summary>Weight of the newest step.</summary>
    private const double Newest = 0.1;

    /// <summary>How many times what was expected a step counts for at most.</summary>
    private const double Outlier = 3;

    /// <summary>Steps of a kind of which the fastest counts: the first ones of a shape build its compute graph.</summary>
    private const int WarmUp = 3;

    /// <summary>
    /// What drafts are thought to cost before any was measured: a part of a step, more where it takes a pass of its own, and for each row a part of
    /// what a sequence costs. That is what a CPU takes; a GPU takes less, which the first draft tells.
    /// </summary>
    private const double StepAtFirst = 1.5;

    private const double RowAtFirst = 0.1;

    private readonly DecodeTimes _decode = new(sequences);
    private readonly Mean[] _means = new Mean[2 * Loads(sequences) * RowSizes];

    /// <summary>Whether steps without drafts are known, with which others can be compared.</summary>
    public bool Knows(int decoding) => _decode.Knows(decoding);

    /// <summary>Seconds of a step without drafts.</summary>
    public double Plain(int decoding) => _decode.Seconds(decoding);

    /// <summary>Seconds that so many draft rows are expected to add, and the most that they may add if that is wrong.</summary>
    /// <param name="decoding">Sequences that decode.</param>
    /// <param name="rows">Draft rows of all.</param>
    /// <param name="apart">Whether these take a pass of their own.</param>
    public (double Expected, double Most) Extra(int decoding, int rows, bool apart)
    {
        var stream = Plain(decoding) / decoding;
        var (atRows, atSeconds) = (0.0, 0.0);
        foreach (ref readonly var mean in Means(decoding, apart))
        {
            if (mean.Samples == 0 || mean.Rows <= atRows) continue;
            if (rows <= mean.Rows)
            {
                var seconds = atSeconds + ((mean.Seconds - atSeconds) * (rows - atRows) / (mean.Rows - atRows));
                return (seconds, Size(rows) == Size((int)mean.Rows) ? seconds : Math.Max(seconds, mean.Seconds));
            }

            (atRows, atSeconds) = (mean.Rows, mean.Seconds);
        }

        if (atRows == 0) return ((StepAtFirst * Plain(decoding)) + (rows * RowAtFirst * stream), (apart ? Plain(decoding) : 0) + (rows * stream));
        var (more, slope) = (rows - atRows, Math.Min(atSeconds / atRows, stream));
        var expected = atSeconds + (more * slope / 2);
        return (expected, Size(rows) == Size((int)atRows) ? expected : atSeconds + (more * slope));
    }

    /// <summary>Learns from a step without drafts.</summary>
    public void Observe(int decoding, double seconds) => _decode.Observe(decoding, seconds);

    /// <summary>Learns from a step with drafts, and tells what they took; what is beyond all measure counts for less.</summary>
    public double Observe(int decoding, int rows, bool apart, double seconds)
    {
        var plain = Plain(decoding);
        var extra = Math.Clamp(seconds - plain, 0, Outlier * Math.Max(Extra(decoding, rows, apart).Most, plain));
        Means(decoding, apart)[Size(rows)].Add(rows, extra);
        return extra;
    }

    private static int Loads(int sequences) => BitOperations.Log2((uint)sequences) + 1;

    private static int Size(int rows) => Math.Min(BitOperations.Log2((uint)rows), RowSizes - 1);

    private Span<Mean> Means(int decoding, bool apart) =>
        _means.AsSpan(((2 * BitOperations.Log2((uint)decoding)) + (apart ? 1 : 0)) * RowSizes, RowSizes);

    private struct Mean
    {
        public double Rows { get; private set; }

        public double Seconds { get; private set; }

        public int Samples { get; private set; }

        public void Add(double rows, double seconds)
        {
            if (Samples < WarmUp)
            {
                (Rows, Seconds) = Samples == 0 || seconds / rows < Seconds / Rows ? (rows, seconds) : (Rows, Seconds);
                Samples++;
                return;
            }

            Rows += Newest * (rows - Rows);
            Seconds += Newest * (seconds - Seconds);
        }
    }
}
