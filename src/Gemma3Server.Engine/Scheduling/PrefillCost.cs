namespace Gemma3Server.Engine.Scheduling;

/// <summary>What prefill rows add to a step that decodes: <c>c + b * p</c> seconds for p rows, by least squares whose weights fade.</summary>
/// <remarks>
/// Where row counts do not vary, c and b cannot be told apart: then c is 0 and b the mean cost of a row, which contains c. That is safe, for
/// it grants fewer rows; other row counts then tell. Used by the engine loop alone.
/// </remarks>
internal sealed class PrefillCost
{
    /// <summary>A row is never thought to cost less than this, in seconds; keeps a division sane.</summary>
    private const double LeastRowSeconds = 1e-9;

    /// <summary>Weight of the newest step.</summary>
    private const double Newest = 0.05;

    /// <summary>Pulls c to 0 where the row counts tell nothing about it; small against what varied row counts tell.</summary>
    private const double Pull = 0.005;

    private double _weight, _x, _y, _xx, _xy;
    private int _last;

    /// <summary>Whether there was a step.</summary>
    public bool IsKnown => _weight > 0;

    /// <summary>Rows that a step has lately had, the last one or the mean, whichever is more; 0 = none yet.</summary>
    public double Tried => _weight == 0 ? 0 : Math.Max(_last, _x / _weight);

    /// <summary>Learns from a step.</summary>
    public void Observe(int rows, double seconds)
    {
        const double Kept = 1 - Newest;
        _weight = (_weight * Kept) + 1;
        _x = (_x * Kept) + rows;
        _y = (_y * Kept) + seconds;
        _xx = (_xx * Kept) + ((double)rows * rows);
        _xy = (_xy * Kept) + (rows * seconds);
        _last = rows;
    }

    /// <summary>What rows cost at once (c), at most <paramref name="mostStart"/>, and each (b), in seconds; only where something is known.</summary>
    public (double Start, double Row) Fit(double mostStart)
    {
        var weight = _weight * (1 + Pull);
        var determinant = (weight * _xx) - (_x * _x);
        var start = Math.Max(0, ((_y * _xx) - (_x * _xy)) / determinant);
        var row = start > 0 ? ((weight * _xy) - (_x * _y)) / determinant : _xy / _xx;
        if (row <= 0) (start, row) = (0, _xy / _xx);
        // Rows of one number, whose cost grows with the prompt, look like a growing c.
        if (start > mostStart) (start, row) = (mostStart, (_y - (mostStart * _weight)) / _x);
        return (start, Math.Max(LeastRowSeconds, row));
    }
}
