using System.Numerics;
using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine.Speculation;

/// <summary>What drafts cost: how much longer a step takes with their rows than without, measured.</summary>
/// <remarks>
/// <para>A step that decodes n sequences takes <c>a(n)</c> (<see cref="DecodeTimes"/>); r draft rows on top take <c>e(n, r)</c>. On a
/// GPU rows are nearly free until it has to compute rather than to read weights; on a CPU the first ones are cheap and the later ones cost what a
/// sequence does. No formula fits both, so e is kept as means for powers of two of n and r, with straight lines between them and the
/// slope from the origin beyond the last.</para>
/// <para>Where each sequence has its own cells, sequences of unlike row counts are computed in passes of their own, each of which reads all
/// weights: what such a pass costs is measured apart.</para>
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

    /// <summary>What a row, and a pass, is thought to cost before any was measured, in parts of what a sequence, and the step, costs.</summary>
    private const double RowAtFirst = 0.25;

    private const double PassAtFirst = 0.5;

    private readonly DecodeTimes _decode = new(sequences);
    private readonly Mean[] _rows = new Mean[Loads(sequences) * RowSizes];
    private readonly Mean[] _passes = new Mean[Loads(sequences)];

    /// <summary>Whether steps without drafts are known, with which others can be compared.</summary>
    public bool Knows(int decoding) => _decode.Knows(decoding);

    /// <summary>Seconds of a step without drafts.</summary>
    public double Plain(int decoding) => _decode.Seconds(decoding);

    /// <summary>Seconds that so many draft rows add, in so many passes more than there are without.</summary>
    public double Extra(int decoding, int rows, int passes)
    {
        var seconds = RowSeconds(decoding, rows);
        if (passes == 0) return seconds;
        ref readonly var pass = ref _passes[Load(decoding)];
        return seconds + (passes * (pass.Samples > 0 ? pass.Seconds : PassAtFirst * Plain(decoding)));
    }

    /// <summary>Learns from a step without drafts.</summary>
    public void Observe(int decoding, double seconds) => _decode.Observe(decoding, seconds);

    /// <summary>Learns from a step with drafts.</summary>
    public void Observe(int decoding, int rows, int passes, double seconds)
    {
        var expected = Extra(decoding, rows, passes);
        var extra = Math.Clamp(seconds - Plain(decoding), 0, Outlier * Math.Max(expected, Plain(decoding)));
        if (passes == 0) _rows[Index(decoding, rows)].Add(rows, extra);
        else _passes[Load(decoding)].Add(1, Math.Max(0, extra - RowSeconds(decoding, rows)) / passes);
    }

    private static int Loads(int sequences) => BitOperations.Log2((uint)sequences) + 1;

    private static int Load(int decoding) => BitOperations.Log2((uint)decoding);

    private static int Index(int decoding, int rows) => (Load(decoding) * RowSizes) + Math.Min(BitOperations.Log2((uint)rows), RowSizes - 1);

    private double RowSeconds(int decoding, int rows)
    {
        var (atRows, atSeconds) = (0.0, 0.0);
        foreach (ref readonly var mean in _rows.AsSpan(Load(decoding) * RowSizes, RowSizes))
        {
            if (mean.Samples == 0 || mean.Rows <= atRows) continue;
            if (rows <= mean.Rows) return atSeconds + ((mean.Seconds - atSeconds) * (rows - atRows) / (mean.Rows - atRows));
            (atRows, atSeconds) = (mean.Rows, mean.Seconds);
        }

        return rows * (atRows > 0 ? atSeconds / atRows : RowAtFirst * Plain(decoding) / decoding);
    }

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
